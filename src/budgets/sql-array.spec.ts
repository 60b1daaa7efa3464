import { describe, expect, it } from '@jest/globals';
import { sqlNumbers, sqlTexts } from './sql-array.js';

describe('arrays for PostgreSQL', () => {
  it('quotes every text, and escapes what would end one', () => {
    expect(sqlTexts([])).toBe('{}');
    expect(sqlTexts([''])).toBe('{""}');
    expect(sqlTexts(['a', 'NULL', 'b,c', '{d}'])).toBe('{"a","NULL","b,c","{d}"}');
    expect(sqlTexts(['a', 'say "b"', 'c\\d'])).toBe('{"a","say \\"b\\"","c\\\\d"}');
    expect(sqlTexts([sqlTexts(['"'])])).toBe('{"{\\"\\\\\\"\\"}"}');
  });

  it('writes numbers and 64-bit integers alike', () => {
    expect(sqlNumbers([])).toBe('{}');
    expect(sqlNumbers([1, -2n, 9_223_372_036_854_775_807n])).toBe('{1,-2,9223372036854775807}');
  });
});
