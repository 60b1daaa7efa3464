import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../../common/time.js';
import { groupDebits } from './debit-group.js';
import type { Debit, PeriodKey } from './ledger-model.js';

const period = (budgetId: string, start = 0): PeriodKey => ({
  budgetId,
  generation: 1,
  period: { start: wallMs(start), end: wallMs(start + 1) },
});

const debit = (key: string, postedTo: readonly PeriodKey[], bodyHash = 'a'): Debit => ({
  id: `debit-${key}`,
  scope: 's',
  idempotencyKey: key,
  bodyHash,
  virtualKeyId: 'k',
  teamId: 't',
  customerId: 'c',
  provider: 'p',
  model: 'm',
  amountNanos: 1n,
  tokens: { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n },
  priceId: '',
  priceRevision: 0,
  postedTo,
});

describe('groupDebits', () => {
  it('names every period once, and says which item is posted where', () => {
    const group = groupDebits([
      debit('x', [period('a'), period('b')]),
      debit('y', [period('b'), period('b', 7)]),
      debit('z', []),
    ]);
    expect(group.periods).toEqual([period('a'), period('b'), period('b', 7)]);
    expect(group.postings).toEqual([
      { item: 0, period: 0 },
      { item: 0, period: 1 },
      { item: 1, period: 1 },
      { item: 1, period: 2 },
    ]);
  });

  it('leaves repetitions out, and keeps a used key with another body for the store to judge', () => {
    const group = groupDebits([
      debit('x', []),
      debit('x', []),
      debit('x', [], 'b'),
      debit('y', []),
    ]);
    expect(group.items.map(({ bodyHash }) => bodyHash)).toEqual(['a', 'b', 'a']);
    expect(group.places).toEqual([
      { item: 0, isRepeated: false },
      { item: 0, isRepeated: true },
      { item: 1, isRepeated: false },
      { item: 2, isRepeated: false },
    ]);
  });

  it('does not confuse a scope that ends as a key begins', () => {
    const group = groupDebits([
      { ...debit('b', []), scope: 'a' },
      { ...debit('', []), scope: 'ab' },
    ]);
    expect(group.items).toHaveLength(2);
  });

  it('refuses to post a debit to a period twice', () => {
    expect(() => groupDebits([debit('x', [period('a'), period('a')])])).toThrow('once');
  });
});
