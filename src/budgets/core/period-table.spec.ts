import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../../common/time.js';
import type { PeriodLimit } from './ledger-item.js';
import { byBytes, PeriodTable } from './period-table.js';

const limit = (budgetId: string, start = 0, limitNanos = 1n): PeriodLimit => ({
  key: { budgetId, generation: 1, period: { start: wallMs(start), end: wallMs(start + 1) } },
  limitNanos,
  isEnforced: true,
  thresholdPercents: [50],
});

describe('PeriodTable', () => {
  it('names every period once, in the order of locks, and every view of it', () => {
    const table = new PeriodTable();
    const limits = [limit('b', 7), limit('a'), limit('b', 3), limit('a'), limit('a', 0, 2n)];
    expect(limits.map((each) => table.indexOf(each))).toEqual([0, 1, 2, 1, 3]);
    const { periods, viewPeriods, numbers, views } = table.sorted();
    expect(periods.map(({ budgetId, period }) => [budgetId, period.start])).toEqual([
      ['a', 0],
      ['b', 3],
      ['b', 7],
    ]);
    expect(viewPeriods).toEqual([2, 0, 1, 0]);
    expect(numbers).toEqual([1, 2, 2]);
    expect(views.map(({ limitNanos }) => limitNanos)).toEqual([1n, 1n, 1n, 2n]);
  });
});

describe('byBytes', () => {
  it('orders text as its bytes in UTF-8 are ordered', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(Math.sign(byBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
    expect(byBytes('\u{1f600}', '\uffff')).toBeGreaterThan(0);
  });
});
