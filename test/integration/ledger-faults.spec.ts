import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { LedgerItems } from '../../src/bench/ledger-items.js';
import { decideColumns } from '../../src/budgets/decide-columns.js';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { Secret } from '../../src/config/secret.js';
import { EmbeddedConfig, PostgresConfig } from '../../src/config/storage-config.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/storage/embedded-postgres.js';
import { type OpenDatabase, openDatabase } from '../../src/storage/open-database.js';
import { eventually } from '../support/eventually.js';
import { insist } from '../support/insist.js';

/** Time for the stranger to close the circle on a busy machine; less than the ledger waits for any lock. */
const LOOKS_AFTER_S = 5;

describe('the ledger, when something stops or dies', () => {
  let folder: string;
  let embedded: EmbeddedPostgres;
  let open: OpenDatabase;
  let ledger: PostgresBudgetLedger;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-ledger-'));
    await chmod(folder, 0o755);
    embedded = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: silentLog });
    const postgres = Object.assign(new PostgresConfig(), { url: new Secret(embedded.url) });
    open = await openDatabase({ postgres, embedded: new EmbeddedConfig() }, silentLog);
    ledger = new PostgresBudgetLedger(open.database);
  });

  afterAll(async () => {
    await open.close();
    await embedded.stop();
    await removeFolder(folder);
  });

  it('lets nobody wait for a client that has stopped reading', async () => {
    const [stopped, others] = [new LedgerItems('stopped-', 1), new LedgerItems('others-', 1)];
    const holds = Array.from({ length: 1_000 }, () => stopped.hold());
    const client = new Client({ connectionString: embedded.url });
    await client.connect();
    const { stream } = (client as unknown as { connection: { stream: NodeJS.ReadStream } })
      .connection;
    const { parameters } = decideColumns(holds, null);
    const places = parameters.map((_, i) => `$${i + 1}`).join();
    const answered = client.query(`SELECT * FROM weir_decide_group(${places})`, [...parameters]);
    stream.pause();
    for (let i = 0; i < 20; i++) {
      const [answer] = await ledger.decide([others.hold()]);
      expect(answer?.kind).toBe('held');
    }
    await eventually('nobody waits', async () => {
      const waiting = await open.database.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type IN ('Lock', 'Client') AND state = 'active'`,
      );
      return waiting.length === 0;
    });
    stream.resume();
    await answered;
    await client.end();
  });

  it('begins its group again when a stranger makes it the victim of a deadlock', async () => {
    const items = new LedgerItems('deadlock-', 2);
    await ledger.decide([items.debit(), items.debit()]);
    const before = await deadlocks();
    const stranger = new Client({ connectionString: embedded.url });
    await stranger.connect();
    const lock = (budgetId: string) =>
      stranger.query('SELECT FROM budget_periods WHERE budget_id = $1 FOR UPDATE', [budgetId]);
    // Whoever finds the deadlock is its victim: the ledger, which looks once, so long after it began to wait.
    await stranger.query(`ALTER SYSTEM SET deadlock_timeout = '${LOOKS_AFTER_S}s'`);
    await stranger.query('SELECT pg_reload_conf()');
    await stranger.query('BEGIN');
    await stranger.query(`SET LOCAL deadlock_timeout = '60s'`);
    await lock('bud_1');
    const answered = ledger.decide([items.debit(), items.debit()]);
    await eventually('the ledger waits for the stranger', async () => {
      const waiting = await open.database.query(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%weir_decide%'`,
      );
      return waiting.length > 0;
    });
    await lock('bud_0');
    await stranger.query('COMMIT');
    await stranger.end();
    expect((await answered).map(({ kind }) => kind)).toEqual(['posted', 'posted']);
    await eventually('a deadlock was counted', async () => (await deadlocks()) > before);
    expect(await ledger.audit()).toEqual([]);
  });

  const deadlocks = async (): Promise<number> => {
    const [row] = await open.database.query<{ deadlocks: string }>(
      'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
    );
    return Number(row?.deadlocks);
  };

  it('records what it acknowledged once, and nothing twice, however often it is killed', async () => {
    const items = new LedgerItems('killed-', 7);
    const acknowledged: string[] = [];
    const progress = { isOver: false, rounds: 0 };
    const caller = async (): Promise<void> => {
      while (!progress.isOver) {
        const holds = Array.from({ length: 20 }, () => items.hold());
        const held = await insist(() => ledger.decide(holds));
        expect(held.every(({ kind }) => kind === 'held')).toBe(true);
        const settles = holds.map((hold) => items.debit(hold));
        const posted = await insist(() => ledger.decide(settles));
        expect(posted.every(({ kind }) => kind === 'posted')).toBe(true);
        acknowledged.push(...settles.map(({ debit }) => debit.idempotencyKey));
        progress.rounds++;
      }
    };
    const callers = Promise.all([caller(), caller(), caller()]);
    for (let kills = 0; kills < 3; kills++) {
      const after = progress.rounds + 6;
      await waitUntil(() => progress.rounds >= after, 'the callers go on after a kill');
      embedded.kill();
    }
    const last = progress.rounds + 6;
    await waitUntil(() => progress.rounds >= last, 'the callers go on after the last kill');
    progress.isOver = true;
    await callers;
    const rows = await open.database.query<{ keys: string; entries: string }>(
      `SELECT count(DISTINCT idempotency_key) AS keys, count(*) AS entries FROM ledger_entries
        WHERE idempotency_key LIKE 'killed-%'`,
    );
    expect(rows).toEqual([
      { keys: String(acknowledged.length), entries: String(acknowledged.length) },
    ]);
    expect(await ledger.audit()).toEqual([]);
  }, 300_000);
});

async function waitUntil(isTrue: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`waited a minute in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
