import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { multiplyDivideCeil, multiplyDivideFloor } from './multiply-divide.js';

const MAX = Number.MAX_SAFE_INTEGER;
const factor = fc.oneof(fc.nat(1_000), fc.integer({ min: 0, max: MAX }));

/** A share of a whole, so that the result is a safe integer: `a * left / length`. */
const share = fc
  .record({
    a: factor,
    length: fc.oneof(
      fc.integer({ min: 1, max: 1_000 }),
      factor.map((x) => x + 1),
    ),
  })
  .filter(({ length }) => length <= MAX)
  .chain(({ a, length }) =>
    fc.tuple(fc.constant(a), fc.integer({ min: 0, max: length }), fc.constant(length)),
  );

describe('multiply, then divide', () => {
  it('is what rational arithmetic says', () => {
    fc.assert(
      fc.property(share, ([a, b, c]) => {
        const product = BigInt(a) * BigInt(b);
        const divisor = BigInt(c);
        expect(multiplyDivideFloor(a, b, c)).toBe(Number(product / divisor));
        expect(multiplyDivideCeil(a, b, c)).toBe(Number((product + divisor - 1n) / divisor));
      }),
    );
  });

  it('does not round a quotient that is all but whole to a whole one', () => {
    expect(multiplyDivideCeil(MAX - 1, 1, 3)).toBe(3_002_399_751_580_330);
    expect(multiplyDivideFloor(MAX - 2, 1, 2)).toBe(4_503_599_627_370_494);
    expect(multiplyDivideFloor(MAX, 1, MAX)).toBe(1);
    expect(multiplyDivideFloor(MAX - 1, 1, MAX)).toBe(0);
    expect(multiplyDivideCeil(MAX, MAX - 1, MAX)).toBe(MAX - 1);
  });
});
