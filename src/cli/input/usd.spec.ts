import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatUsd, parseUsd } from './usd.js';

describe('parseUsd', () => {
  it.each([
    ['25', 25_000_000_000n],
    ['25.00', 25_000_000_000n],
    ['$0.10', 100_000_000n],
    ['0.000000001', 1n],
    ['0.1', 100_000_000n],
    ['9007199.254740993', 9_007_199_254_740_993n],
    ['9223372036.854775807', 2n ** 63n - 1n],
    ['0', 0n],
    ['007.5', 7_500_000_000n],
  ])('reads %s exactly', (text, nanos) => {
    expect(parseUsd(text)).toBe(nanos);
  });

  it.each([
    ['1.0000000001', /9 decimals/],
    ['9223372036.854775808', /largest/],
    ['99999999999999999999999999', /largest/],
    ['-1', /never negative/],
    ['1,000', /separators/],
    ['1e3', /decimal number/],
    ['.5', /decimal number/],
    ['5.', /decimal number/],
    ['', /decimal number/],
    ['NaN', /decimal number/],
    ['0x10', /decimal number/],
    ['٣', /decimal number/],
  ])('refuses %j and says why', (text, why) => {
    expect(() => parseUsd(text)).toThrow(why);
  });

  it('reads back what formatUsd writes, for every amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (nanos) => {
        expect(parseUsd(formatUsd(nanos))).toBe(nanos);
      }),
    );
  });
});

describe('formatUsd', () => {
  it.each([
    [0n, '$0.00'],
    [25_000_000_000n, '$25.00'],
    [11_000_000n, '$0.011'],
    [100_000_000n, '$0.10'],
    [1n, '$0.000000001'],
    [-250_000_000n, '-$0.25'],
  ])('writes %s nano-USD', (nanos, text) => {
    expect(formatUsd(nanos)).toBe(text);
  });
});
