import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Hold, LedgerAnswer, PostDebit } from '../../src/budgets/core/ledger-item.js';
import type { Debit, PeriodKey } from '../../src/budgets/core/ledger-model.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { wallMs } from '../../src/common/time.js';
import { openTestDatabase, type TestDatabase } from '../contract/budget-ledger-database.js';
import { insist } from '../support/insist.js';

const MONTHS = Array.from({ length: 13 }, (_, i) => Date.UTC(2026, i, 1));
const AMOUNT = 100n;

describe('what is left of a period', () => {
  let open: TestDatabase;
  let ledger: PostgresBudgetLedger;
  let count = 0;

  beforeAll(async () => {
    open = await openTestDatabase();
    ledger = new PostgresBudgetLedger(open.database);
  });

  afterAll(() => open.close());

  async function budget(id: string, rule: { max: bigint; min?: bigint; overage?: boolean }) {
    const { max, min = 0n, overage = false } = rule;
    await open.database.query(
      `INSERT INTO budgets (id, name, match, shadow, generation, created_at, updated_at, amount_nanos,
          period, on_expiry, on_unavailable, on_unpriced, threshold_percents, carry_max_nanos,
          carry_min_nanos, carry_overage)
        VALUES ($1, '', '{}', false, 1, now(), now(), $2, '{"kind":"calendar","unit":"month"}',
          'release', 'deny', 'deny', '{}', $3, $4, $5)`,
      [id, AMOUNT, max, min, overage],
    );
    return (month: number): PeriodKey => ({
      budgetId: id,
      generation: 1,
      period: { start: wallMs(MONTHS[month] ?? 0), end: wallMs(MONTHS[month + 1] ?? 0) },
    });
  }

  const call = { virtualKeyId: 'k', teamId: '', customerId: '', provider: 'p', model: 'm' };

  function debit(amountNanos: bigint, ...postedTo: PeriodKey[]): Debit {
    const id = `debit-${count++}`;
    const tokens = { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n };
    const price = { priceId: '', priceRevision: 0 };
    const key = { scope: 'k', idempotencyKey: id, bodyHash: 'ab'.repeat(32) };
    return { id, ...key, ...call, amountNanos, tokens, ...price, postedTo };
  }

  function hold(amountNanos: bigint, key: PeriodKey): Hold {
    const id = `res-${count++}`;
    const names = { id, scope: 'k', reservationKey: id, bodyHash: 'ab'.repeat(32), takes: '' };
    const limit = { key, limitNanos: AMOUNT, isEnforced: true, thresholdPercents: [] };
    const rest = { amountNanos, floorNanos: 0n, onExpiry: 'release', ttlMs: 60_000 } as const;
    return { kind: 'hold', ...names, ...call, ...rest, budgets: [limit] };
  }

  const plain = (amountNanos: bigint, ...postedTo: PeriodKey[]): PostDebit => ({
    kind: 'debit',
    debit: debit(amountNanos, ...postedTo),
    reservation: undefined,
    watched: [],
  });

  const settle = (held: Hold, nanos: bigint, key: PeriodKey): PostDebit => ({
    kind: 'debit',
    debit: debit(nanos, key),
    reservation: { kind: 'id', id: held.id },
    watched: [],
  });

  const only = async (item: Hold | PostDebit): Promise<LedgerAnswer | undefined> =>
    (await ledger.decide([item]))[0];

  async function extra(key: PeriodKey): Promise<bigint | undefined> {
    const answer = await only(hold(0n, key));
    return answer?.kind === 'held' || answer?.kind === 'denied'
      ? answer.levels[0]?.extraNanos
      : undefined;
  }

  const posted = async (key: PeriodKey) => (await ledger.readLevels([key]))[0]?.postedNanos;

  it('is handed on by holds and by plain debits, within its bounds', async () => {
    const month = await budget('bounded', { max: 40n, min: 10n });
    await ledger.decide([plain(70n, month(0))]);
    expect(await extra(month(0))).toBe(0n);
    await ledger.decide([plain(135n, month(1))]);
    expect(await extra(month(1))).toBe(30n);
    expect(await extra(month(2))).toBe(10n);
    expect(await only(hold(111n, month(2)))).toMatchObject({ kind: 'denied' });
    expect(await only(hold(110n, month(2)))).toMatchObject({ kind: 'held' });
    expect(await ledger.audit()).toEqual([]);
  });

  it('passes through months without a call, and stays out of another generation', async () => {
    const month = await budget('gaps', { max: 1_000n, overage: true });
    await ledger.decide([plain(350n, month(0))]);
    expect(await extra(month(1))).toBe(-250n);
    expect(await extra(month(4))).toBe(50n);
    expect(await extra({ ...month(5), generation: 2 })).toBe(0n);
    const without = await budget('plain', { max: 0n });
    await ledger.decide([plain(10n, without(0))]);
    expect(await extra(without(1))).toBe(0n);
  });

  it('counts open holds as spent, and corrects what it handed on by an entry', async () => {
    const month = await budget('corrected', { max: 1_000n });
    const held = hold(60n, month(0));
    await only(held);
    expect(await extra(month(1))).toBe(40n);
    await ledger.decide([plain(5n, month(2))]);
    expect(await extra(month(2))).toBe(140n);
    await only(settle(held, 20n, month(0)));
    expect(await extra(month(1))).toBe(40n);
    expect([await posted(month(1)), await posted(month(2))]).toEqual([-40n, -35n]);
    await ledger.decide([plain(30n, month(0))]);
    expect([await posted(month(1)), await posted(month(2))]).toEqual([-10n, -5n]);
    const spend = await ledger.sumSpend({ owner: { kind: 'root', id: '' }, interval: undefined });
    expect(spend.debits).toBe(BigInt((await entries('debit')) + (await entries('late'))));
    expect(await entries('carry')).toBe(4);
    expect(await ledger.audit()).toEqual([]);
  });

  const entries = async (kind: string): Promise<number> => {
    const sql = 'SELECT count(*)::int AS n FROM ledger_entries WHERE kind = $1';
    return (await open.database.query<{ n: number }>(sql, [kind]))[0]?.n ?? 0;
  };

  it('does not take for debt what a grant had allowed, nor hand the grant on', async () => {
    const month = await budget('granted', { max: 1_000n, overage: true });
    await open.database.query(
      `INSERT INTO budget_grants (id, budget_id, amount_nanos, starts_at, ends_at, reason, actor)
        VALUES ('g', 'granted', 50, '2026-01-10', '2026-01-20', 'x', 'x')`,
    );
    await ledger.decide([plain(130n, month(0))]);
    expect(await extra(month(1))).toBe(0n);
    await ledger.decide([plain(30n, month(0))]);
    expect(await posted(month(1))).toBe(10n);
  });

  it('comes out right when the month turns while calls of the old one are settled', async () => {
    const month = await budget('turning', { max: 1_000_000n, overage: true });
    const held = Array.from({ length: 40 }, () => hold(1n, month(0)));
    await ledger.decide(held);
    const other = new PostgresBudgetLedger(open.database);
    const decide = (by: PostgresBudgetLedger, item: PostDebit) => insist(() => by.decide([item]));
    const answers = await Promise.all([
      ...held.slice(0, 20).map((each) => decide(ledger, settle(each, 2n, month(0)))),
      ...held.slice(20).map((each) => decide(other, settle(each, 0n, month(0)))),
      ...Array.from({ length: 10 }, () => decide(other, plain(1n, month(1)))),
      ...Array.from({ length: 10 }, () => decide(ledger, plain(1n, month(0), month(2)))),
    ]);
    expect(answers.flat().every(({ kind }) => kind === 'posted')).toBe(true);
    const [row] = await open.database.query<{ left: string }>(
      `SELECT carried_in_nanos - posted_nanos AS left FROM budget_periods
        WHERE budget_id = 'turning' AND period_start_ms = $1`,
      [MONTHS[2]],
    );
    // January spent 40 + 10, February 10, March 10: all of it is missing in March.
    expect(Number(row?.left)).toBe(200 - 50 - 10 - 10);
    expect(await ledger.audit()).toEqual([]);
  });
});
