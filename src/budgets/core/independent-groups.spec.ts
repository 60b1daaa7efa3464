import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../../common/time.js';
import { answersInOrder, independentGroups } from './independent-groups.js';
import type { Hold, LedgerItem, PostDebit, Release, ReservationName } from './ledger-item.js';

const CALL = { virtualKeyId: 'k', teamId: 't', customerId: 'c', provider: 'p', model: 'm' };

const hold = (key: string, bodyHash = 'a', scope = 's'): Hold => ({
  kind: 'hold',
  id: `res-${scope}-${key}`,
  scope,
  reservationKey: key,
  bodyHash,
  ...CALL,
  amountNanos: 1n,
  floorNanos: 0n,
  onExpiry: 'release',
  ttlMs: 1,
  budgets: [],
  takes: '',
});

const debit = (key: string, reservation?: ReservationName, bodyHash = 'a'): PostDebit => ({
  kind: 'debit',
  debit: {
    id: `debit-${key}`,
    scope: 's',
    idempotencyKey: key,
    bodyHash,
    ...CALL,
    amountNanos: 1n,
    tokens: { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n },
    priceId: '',
    priceRevision: 0,
    postedTo: [{ budgetId: 'b', generation: 1, period: { start: wallMs(0), end: wallMs(1) } }],
  },
  reservation,
  watched: [],
});

const release = (reservation: ReservationName): Release => ({
  kind: 'release',
  scope: 's',
  reservation,
});

const byKey = (key: string): ReservationName => ({ kind: 'key', key });

const sizes = (items: readonly LedgerItem[]): readonly number[] =>
  independentGroups(items).map((group) => group.items.length);

describe('independentGroups', () => {
  it('keeps items together that have nothing to do with each other', () => {
    expect(sizes([hold('a'), hold('b'), debit('a'), debit('b'), hold('a', 'a', 'other')])).toEqual([
      5,
    ]);
    expect(sizes([])).toEqual([]);
  });

  it('lets two items refer to one reservation of an earlier group', () => {
    expect(sizes([debit('x', byKey('a')), release(byKey('a'))])).toEqual([2]);
  });

  it('cuts before what refers to a reservation of the group, by key or by id', () => {
    expect(sizes([hold('a'), debit('x', byKey('a'))])).toEqual([1, 1]);
    expect(sizes([hold('a'), release({ kind: 'id', id: 'res-s-a' })])).toEqual([1, 1]);
    expect(sizes([release(byKey('a')), hold('a')])).toEqual([1, 1]);
  });

  it('cuts before a key that comes again with another body, or not at once', () => {
    expect(sizes([hold('a'), hold('a', 'b')])).toEqual([1, 1]);
    expect(sizes([debit('a'), debit('b'), debit('a')])).toEqual([2, 1]);
  });

  it('answers a repetition of the item just before with its answer', () => {
    const groups = independentGroups([debit('a'), debit('a'), debit('b')]);
    const answers = groups.flatMap((group) =>
      answersInOrder(
        group,
        group.items.map((item) => (item.kind === 'debit' ? item.debit.idempotencyKey : '')),
        (answer) => `${answer} again`,
      ),
    );
    expect(answers).toEqual(['a', 'a again', 'b']);
  });
});
