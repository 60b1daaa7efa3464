import { describe, expect, it } from '@jest/globals';
import { parseQuantity, parseRate } from './quantity.js';

describe('a quantity', () => {
  it.each([
    ['100', 100n, false],
    ['0', 0n, false],
    ['9007199254740993', 9_007_199_254_740_993n, false],
    ['0.50usd', 500_000_000n, true],
    ['5USD', 5_000_000_000n, true],
  ])('%s', (text, value, isUsd) => expect(parseQuantity(text)).toEqual({ value, isUsd }));

  it.each([
    ['1.5', /whole number/],
    ['-1', /whole number/],
    ['5 apples', /whole number/],
    ['1,5usd', /decimal/],
    ['usd', /US dollars/],
  ])('refuses %s', (text, words) => expect(() => parseQuantity(text)).toThrow(words));
});

describe('a rate', () => {
  it.each([
    ['10/s', 10n, false, 1_000],
    ['100/5m', 100n, false, 300_000],
    ['1/250ms', 1n, false, 250],
    ['0.50usd/1h', 500_000_000n, true, 3_600_000],
  ])('%s', (text, value, isUsd, intervalMs) =>
    expect(parseRate(text)).toEqual({ amount: { value, isUsd }, intervalMs }),
  );

  it.each([
    ['10', /10\/s/],
    ['10/s/s', /10\/s/],
    ['/s', /whole number/],
    ['10/', /Which unit|number and a unit/],
    ['10/fortnight', /Unknown unit/],
  ])('refuses %s', (text, words) => expect(() => parseRate(text)).toThrow(words));
});
