import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { carriedOver, type CarryRule } from './carry-over.js';

const rule = (changes: Partial<CarryRule> = {}): CarryRule => ({
  amountNanos: 100n,
  minNanos: 0n,
  maxNanos: 50n,
  overage: false,
  periodMs: 1,
  ...changes,
});

describe('what a period hands on', () => {
  it.each([
    ['what is left', 30n, rule(), 30n],
    ['at most the maximum', 80n, rule(), 50n],
    ['at least the minimum', 3n, rule({ minNanos: 10n }), 10n],
    ['the minimum of nothing', -3n, rule({ minNanos: 10n }), 10n],
    ['no debt', -30n, rule(), 0n],
    ['a debt, if it is to', -30n, rule({ overage: true }), -30n],
    ['a debt less the minimum', -30n, rule({ overage: true, minNanos: 10n }), -20n],
  ])('is %s', (_, ending, of, expected) => {
    expect(carriedOver(ending, 0n, of)).toBe(expected);
  });

  it('passes through periods in which nothing was spent, one by one', () => {
    const nanos = fc.bigInt({ min: 0n, max: 300n });
    const rules = fc
      .record({ amountNanos: nanos, a: nanos, b: nanos, overage: fc.boolean() })
      .map(({ a, b, ...rest }) =>
        rule({ ...rest, minNanos: a < b ? a : b, maxNanos: a < b ? b : a }),
      );
    const endings = fc.bigInt({ min: -2_000n, max: 2_000n });
    fc.assert(
      fc.property(rules, endings, fc.integer({ min: 0, max: 40 }), (of, ending, periods) => {
        let expected = carriedOver(ending, 0n, of);
        for (let i = 0; i < periods; i++) expected = carriedOver(of.amountNanos + expected, 0n, of);
        expect(carriedOver(ending, BigInt(periods), of)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no longer for a thousand years of hours', () => {
    const debt = rule({ overage: true, amountNanos: 1n });
    expect(carriedOver(-(2n ** 63n), 8_766_000n, debt)).toBe(-(2n ** 63n) + 8_766_000n);
    expect(carriedOver(0n, 8_766_000n, rule({ amountNanos: 1n, maxNanos: 10n ** 9n }))).toBe(
      8_766_000n,
    );
  });
});
