import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  Hold,
  LedgerAnswer,
  LedgerItem,
  PeriodLimit,
  PostDebit,
} from '../../src/budgets/core/ledger-item.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { present } from '../../src/common/assert.js';
import { SeededRandom } from '../../src/common/seeded-random.js';
import { wallMs } from '../../src/common/time.js';
import type { Database } from '../../src/storage/database.js';
import { openTestDatabase, type TestDatabase } from '../contract/budget-ledger-database.js';
import { insist } from '../support/insist.js';

const JANUARY = { start: wallMs(1_767_225_600_000), end: wallMs(1_769_904_000_000) };
const FEBRUARY = { start: wallMs(1_769_904_000_000), end: wallMs(1_772_323_200_000) };
const USD = 1_000_000_000n;

const limit = (budgetId: string, limitNanos: bigint, period = JANUARY): PeriodLimit => ({
  key: { budgetId, generation: 1, period },
  limitNanos,
  isEnforced: true,
  thresholdPercents: [50, 80, 100],
});

const CALL = { virtualKeyId: 'k', teamId: 't', customerId: 'c', provider: 'p', model: 'm' };

let ids = 0;

function hold(scope: string, amountNanos: bigint, budgets: readonly PeriodLimit[]): Hold {
  const id = `res-${ids++}`;
  const rest = {
    amountNanos,
    floorNanos: 0n,
    onExpiry: 'release',
    ttlMs: 60_000,
    budgets,
  } as const;
  const body = { bodyHash: 'ab'.repeat(32), takes: '', ...CALL };
  return { kind: 'hold', id, scope, reservationKey: id, ...body, ...rest };
}

function debit(
  scope: string,
  amountNanos: bigint,
  budgets: readonly PeriodLimit[],
  reservation?: Hold,
): PostDebit {
  const id = `debit-${ids++}`;
  return {
    kind: 'debit',
    debit: {
      id,
      scope,
      idempotencyKey: id,
      bodyHash: 'ab'.repeat(32),
      ...CALL,
      amountNanos,
      tokens: { input: 1n, cachedInput: 0n, output: 0n, reasoning: 0n },
      priceId: '',
      priceRevision: 0,
      postedTo: budgets.map(({ key }) => key),
    },
    reservation: reservation && { kind: 'key', key: reservation.reservationKey },
    watched: budgets,
  };
}

const kinds = (answers: readonly LedgerAnswer[]): readonly string[] =>
  answers.map((answer) => answer.kind);

class TimedLedger extends PostgresBudgetLedger {
  now = wallMs(Date.now());

  protected override decidedAt() {
    return this.now;
  }
}

describe('the kernel of the ledger', () => {
  let open: TestDatabase | undefined;
  let database: Database;
  let ledger: PostgresBudgetLedger;

  beforeAll(async () => {
    open = await openTestDatabase();
    database = open.database;
    ledger = new PostgresBudgetLedger(database);
  });

  afterAll(() => open?.close());

  const decideOne = async (item: LedgerItem): Promise<LedgerAnswer> =>
    present((await insist(() => ledger.decide([item])))[0], 'one answer for one item');

  const balanceOf = async (budget: PeriodLimit): Promise<readonly bigint[]> => {
    const [balance] = await ledger.readLevels([budget.key]);
    return [balance?.postedNanos ?? 0n, balance?.heldNanos ?? 0n];
  };

  it('lets exactly 50 of 200 concurrent holds pass on a budget for 50', async () => {
    const budget = limit('fifty', 50n);
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => decideOne(hold('s', 1n, [budget]))),
    );
    expect(kinds(answers).filter((kind) => kind === 'held')).toHaveLength(50);
    expect(kinds(answers).filter((kind) => kind === 'denied')).toHaveLength(150);
    expect(await balanceOf(budget)).toEqual([0n, 50n]);
  });

  it('holds once for one reservation key from 50 callers, alone and in one group', async () => {
    const budget = limit('fifty-callers', 100n);
    const one = hold('s', 10n, [budget]);
    const callers = Array.from({ length: 50 }, (_, i) => ({ ...one, id: `${one.id}-${i}` }));
    const alone = await Promise.all(callers.map((caller) => decideOne(caller)));
    const together = await ledger.decide(callers);
    const all = [...alone, ...together];
    const replayed = all.filter((answer) => answer.kind === 'held' && answer.isReplayed);
    expect(replayed).toHaveLength(99);
    const names = all.map((answer) => answer.kind === 'held' && answer.reservation.id);
    expect(new Set(names).size).toBe(1);
    expect(await balanceOf(budget)).toEqual([0n, 10n]);
  });

  it('denies by holds of others, says what is affordable and when one ends (example 4)', async () => {
    const budget = limit('example-4', USD);
    const first = hold('s', (USD * 2n) / 10n, [budget]);
    await ledger.decide([debit('s', (USD * 7n) / 10n, [budget]), first]);
    const denied = await decideOne(hold('s', (USD * 2n) / 10n, [budget]));
    expect(denied).toMatchObject({ kind: 'denied', refusedBy: [0] });
    const level = denied.kind === 'denied' ? denied.levels[0] : undefined;
    expect(USD - (level?.postedNanos ?? 0n) - (level?.heldNanos ?? 0n)).toBe(USD / 10n);
    expect(denied.kind === 'denied' && (denied.freesAt ?? 0)).toBeGreaterThan(Date.now());
    await ledger.decide([debit('s', (USD * 5n) / 100n, [budget], first)]);
    expect(await balanceOf(budget)).toEqual([(USD * 75n) / 100n, 0n]);
    expect((await decideOne(hold('s', (USD * 2n) / 10n, [budget]))).kind).toBe('held');
  });

  it('takes a settle beyond the limit, and denies the next hold (example 5)', async () => {
    const budget = limit('example-5', USD);
    const held = hold('s', (USD * 5n) / 100n, [budget]);
    await ledger.decide([debit('s', (USD * 95n) / 100n, [budget]), held]);
    const settled = await decideOne(debit('s', (USD * 30n) / 100n, [budget], held));
    expect(settled).toMatchObject({
      kind: 'posted',
      overageNanos: (USD * 25n) / 100n,
      isLate: false,
    });
    expect(await balanceOf(budget)).toEqual([(USD * 125n) / 100n, 0n]);
    expect((await decideOne(hold('s', 1n, [budget]))).kind).toBe('denied');
    expect((await decideOne(hold('s', 0n, [budget]))).kind).toBe('denied');
  });

  it('settles in the period of the hold, and a fallback where it was made (example 6)', async () => {
    const january = limit('example-6', USD);
    const february = limit('example-6', USD, FEBRUARY);
    const fallback = limit('example-6-fallback', USD, FEBRUARY);
    const held = hold('s', 40n, [january]);
    await ledger.decide([held]);
    const settled = await decideOne(debit('s', 30n, [february, fallback], held));
    expect(settled).toMatchObject({ facts: { postedTo: [january.key, fallback.key] } });
    expect(await balanceOf(january)).toEqual([30n, 0n]);
    expect(await balanceOf(february)).toEqual([0n, 0n]);
    expect(await balanceOf(fallback)).toEqual([30n, 0n]);
  });

  it('charges an estimate at expiry and corrects it by a late settle (example 7)', async () => {
    const timed = new TimedLedger(database);
    for (const onExpiry of ['charge_estimate', 'charge_floor', 'release'] as const) {
      const budget = limit(`example-7-${onExpiry}`, USD);
      const held = { ...hold('s', 40n, [budget]), onExpiry, floorNanos: 15n };
      await timed.decide([held]);
      timed.now = wallMs(timed.now + 60_000);
      const due = await timed.dueHolds(1_000);
      expect(due).toContainEqual({ scope: 's', reservationId: held.id });
      const entryId = `expiry-${held.id}`;
      const expire = { scope: 's', reservationId: held.id, entryId, isForced: false };
      await timed.decide([{ kind: 'expire', ...expire }]);
      const charged = { charge_estimate: 40n, charge_floor: 15n, release: 0n }[onExpiry];
      expect(await balanceOf(budget)).toEqual([charged, 0n]);
      const [late] = await timed.decide([debit('s', 25n, [budget], held)]);
      expect(late).toMatchObject({ kind: 'posted', isLate: true, facts: { amountNanos: 25n } });
      expect(await balanceOf(budget)).toEqual([25n, 0n]);
      const repeated = present(late?.kind === 'posted' ? late : undefined, 'was posted');
      const same = debit('s', 25n, [budget], held);
      const [replay] = await timed.decide([
        { ...same, debit: { ...same.debit, idempotencyKey: repeated.facts.id } },
      ]);
      expect(replay).toMatchObject({ kind: 'posted', isReplayed: true, facts: repeated.facts });
      const [again] = await timed.decide([debit('s', 25n, [budget], held)]);
      expect(again).toMatchObject({ kind: 'ended', reservation: { state: 'expired' } });
    }
  });

  it('refuses to settle twice, after a release, and what another scope holds', async () => {
    const budget = limit('refusals', USD);
    const [first, second] = [hold('s', 10n, [budget]), hold('s', 10n, [budget])];
    await ledger.decide([first, second]);
    const byKey = { kind: 'key', key: second.reservationKey } as const;
    expect((await decideOne({ kind: 'release', scope: 'other', reservation: byKey })).kind).toBe(
      'unknown',
    );
    await ledger.decide([debit('s', 0n, [budget], first)]);
    await ledger.decide([{ kind: 'release', scope: 's', reservation: byKey }]);
    const refused = debit('s', 5n, [budget], first);
    expect(await decideOne(refused)).toMatchObject({
      kind: 'ended',
      reservation: { state: 'committed' },
    });
    expect(await decideOne(debit('s', 5n, [budget], second))).toMatchObject({
      kind: 'ended',
      reservation: { state: 'released' },
    });
    expect(await balanceOf(budget)).toEqual([0n, 0n]);
    expect((await decideOne({ ...refused, reservation: undefined })).kind).toBe('posted');
  });

  it('notes each threshold once, in the transaction that crossed it', async () => {
    const budget = limit('thresholds', 100n);
    const answers = [
      ...(await ledger.decide([debit('s', 60n, [budget]), debit('s', 30n, [budget])])),
      ...(await ledger.decide([debit('s', 20n, [budget])])),
      ...(await ledger.decide([debit('s', 20n, [budget])])),
    ];
    const crossed = answers.map((answer) => answer.kind === 'posted' && answer.crossed);
    const of = (percent: number) => [{ budgetId: 'thresholds', percent }];
    expect(crossed).toEqual([of(50), of(80), of(100), []]);
    const rows = await database.query<{ percent: number; posted_nanos: string }>(
      'SELECT percent, posted_nanos FROM threshold_crossings WHERE budget_id = $1 ORDER BY id',
      ['thresholds'],
    );
    expect(rows).toEqual([
      { percent: 50, posted_nanos: '60' },
      { percent: 80, posted_nanos: '90' },
      { percent: 100, posted_nanos: '110' },
    ]);
  });

  it('crosses thresholds in the period of the hold, also after its end', async () => {
    const [january, february] = [limit('crossed', 100n), limit('crossed', 100n, FEBRUARY)];
    const held = hold('s', 40n, [january]);
    await ledger.decide([held]);
    const settled = await decideOne(debit('s', 90n, [february], held));
    const percents = [50, 80].map((percent) => ({ budgetId: 'crossed', percent }));
    expect(settled).toMatchObject({ kind: 'posted', crossed: percents });
    const fresh = await decideOne(debit('s', 50n, [february]));
    expect(fresh).toMatchObject({ crossed: [{ budgetId: 'crossed', percent: 50 }] });
  });

  it('never deadlocks when groups overlap in any order', async () => {
    const random = new SeededRandom(7);
    const budgets = Array.from({ length: 30 }, (_, i) => limit(`overlap-${i}`, USD));
    const before = await deadlocks();
    const client = async (scope: string): Promise<void> => {
      for (let round = 0; round < 15; round++) {
        const some = (): readonly PeriodLimit[] =>
          budgets.filter(() => random.below(10) === 0).toSorted(() => random.below(3) - 1);
        const holds = Array.from({ length: 20 }, () => hold(scope, 3n, some()));
        await ledger.decide(holds);
        await ledger.decide(holds.toReversed().map((held) => debit(scope, 2n, some(), held)));
        await ledger.decide(holds.map(() => debit(scope, 1n, some())));
      }
    };
    await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((scope) => client(scope)));
    expect(await deadlocks()).toBe(before);
    expect(await ledger.audit()).toEqual([]);
  });

  it('finds a balance that is not the sum of its entries', async () => {
    const budget = limit('audited', USD);
    await ledger.decide([debit('s', 10n, [budget]), hold('s', 5n, [budget])]);
    expect(await ledger.audit()).toEqual([]);
    await database.query(
      'UPDATE budget_periods SET posted_nanos = posted_nanos + 1 WHERE budget_id = $1',
      ['audited'],
    );
    const faults = await ledger.audit();
    expect(faults).toHaveLength(1);
    expect(faults[0]?.description).toContain('posted 11, its entries say 10');
    await database.query(
      'UPDATE budget_periods SET posted_nanos = posted_nanos - 1 WHERE budget_id = $1',
      ['audited'],
    );
  });

  const deadlocks = async (): Promise<string | undefined> => {
    const rows = await database.query<{ deadlocks: string }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    return rows[0]?.deadlocks;
  };
});
