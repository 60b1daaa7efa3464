import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LedgerItems } from '../../src/bench/ledger-items.js';
import { LedgerUpkeepDriver } from '../../src/budgets/ledger-upkeep.driver.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { LedgerRetention } from '../../src/budgets/ledger-retention.js';
import { silentLog } from '../../src/common/log.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { DAY_MS, wallMs } from '../../src/common/time.js';
import { WeirConfig } from '../../src/config/weir-config.js';
import { Reservations1763942400003 } from '../../src/storage/migrations/0003-reservations.js';
import { openTestDatabase, type TestDatabase } from '../contract/budget-ledger-database.js';

class PastLedger extends PostgresBudgetLedger {
  now = wallMs(Date.UTC(2024, 0, 15));

  protected override decidedAt() {
    return this.now;
  }
}

describe('the books of the ledger', () => {
  let open: TestDatabase;
  let ledger: PastLedger;
  let retention: LedgerRetention;

  beforeAll(async () => {
    open = await openTestDatabase();
    ledger = new PastLedger(open.database);
    retention = new LedgerRetention(open.database);
    for (const [name, from, to] of [
      ['2024_01', '2024-01-01', '2024-02-01'],
      ['2024_02', '2024-02-01', '2024-03-01'],
    ])
      await open.database.query(
        `CREATE TABLE ledger_entries_${name} PARTITION OF ledger_entries
          FOR VALUES FROM ('${from} 00:00:00+00') TO ('${to} 00:00:00+00')`,
      );
  });

  afterAll(() => open.close());

  it('drop old months, and balances remain provable', async () => {
    const items = new LedgerItems('old-', 3);
    const months = [Date.UTC(2024, 0, 15), Date.UTC(2024, 1, 15), Date.now()];
    for (const now of months) {
      ledger.now = wallMs(now);
      await ledger.decide([items.debit(), items.debit(), items.debit(), items.debit()]);
    }
    expect(await ledger.audit()).toEqual([]);
    const dropped = await retention.dropEntriesBefore(wallMs(Date.UTC(2024, 1, 29)));
    expect(dropped).toEqual(['ledger_entries_2024_01']);
    const left = await open.database.query('SELECT 1 FROM ledger_entries');
    expect(left).toHaveLength(8);
    expect(await ledger.audit()).toEqual([]);
    expect(await retention.dropEntriesBefore(wallMs(Date.UTC(2024, 2, 1)))).toEqual([
      'ledger_entries_2024_02',
    ]);
    expect(await ledger.audit()).toEqual([]);
    expect(await retention.dropEntriesBefore(wallMs(Date.UTC(2024, 2, 1)))).toEqual([]);
  });

  it('raise a budget by a grant while it lasts', async () => {
    ledger.now = wallMs(Date.now());
    const items = new LedgerItems('grant-', 1);
    const tight = (amountNanos: bigint) => {
      const hold = items.hold();
      const budgets = hold.budgets.map((budget) => ({
        ...budget,
        key: { ...budget.key, budgetId: 'granted' },
        limitNanos: 10n,
      }));
      return { ...hold, amountNanos, budgets };
    };
    const kindOf = async (amountNanos: bigint) =>
      (await ledger.decide([tight(amountNanos)]))[0]?.kind;
    expect(await kindOf(15n)).toBe('denied');
    const grant = {
      id: 'grant_1',
      budgetId: 'granted',
      amountNanos: 5n,
      start: ledger.now,
      end: wallMs(ledger.now + 1_000),
    };
    await open.database.query(
      `INSERT INTO budget_grants (id, budget_id, amount_nanos, starts_at, ends_at, reason, actor)
        VALUES ($1, $2, $3, to_timestamp($4::double precision / 1000),
          to_timestamp($5::double precision / 1000), 'launch', 'operator')`,
      [grant.id, grant.budgetId, grant.amountNanos, grant.start, grant.end],
    );
    expect(await kindOf(15n)).toBe('held');
    ledger.now = wallMs(ledger.now + 1_000);
    expect(await kindOf(0n)).toBe('denied');
  });

  it('forget keys and ended reservations that are older than retries, and no open hold', async () => {
    ledger.now = wallMs(Date.now() - 8 * DAY_MS);
    const items = new LedgerItems('forgotten-', 1);
    const [settled, kept] = [items.hold(), items.hold()];
    await ledger.decide([settled, kept]);
    await ledger.decide([items.debit(settled)]);
    ledger.now = wallMs(Date.now());
    const fresh = items.debit();
    await ledger.decide([fresh]);
    const upkeep = new LedgerUpkeepDriver(
      open.database,
      retention,
      new SystemClock(),
      silentLog,
      new WeirConfig(),
    );
    expect(await upkeep.run()).toBeGreaterThanOrEqual(2);
    expect(await upkeep.run()).toBe(0);
    const left = await open.database.query(
      `SELECT 1 FROM reservations WHERE id = $1 AND state = 'held'`,
      [kept.id],
    );
    expect(left).toHaveLength(1);
    const [again] = await ledger.decide([fresh]);
    expect(again).toMatchObject({ kind: 'posted', isReplayed: true });
  });

  it('can be migrated down and up again', async () => {
    const migration = new Reservations1763942400003();
    await open.database.transaction(async ({ queryRunner }) => {
      if (queryRunner === undefined) throw new Error('a transaction has a runner');
      await migration.down(queryRunner);
      await migration.up(queryRunner);
    });
    expect(await ledger.decide([new LedgerItems('again-', 1).hold()])).toHaveLength(1);
  });
});
