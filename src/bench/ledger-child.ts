/**
 * A client of the ledger in a process of its own, so that it can be stopped: groups of holds, of the
 * debits that settle them, and of debits that settle nothing, in turn; or single holds at a steady rate.
 */
import { BudgetLedger } from '../budgets/budget-ledger.js';
import { GroupCommitter } from '../budgets/group-committer.js';
import type { LedgerAnswer, LedgerItem } from '../budgets/core/ledger-item.js';
import { PostgresBudgetLedger } from '../budgets/postgres-budget-ledger.js';
import { silentLog } from '../common/log.js';
import { Secret } from '../config/secret.js';
import { EmbeddedConfig, PostgresConfig } from '../config/storage-config.js';
import { openDatabase } from '../storage/open-database.js';
import { LedgerItems } from './ledger-items.js';

export interface LedgerLoad {
  readonly kind: 'groups' | 'steady';
  readonly name: string;
  readonly budgets: number;
  readonly seconds: number;
  /** Items of a group. */
  readonly size: number;
  /** Single holds a second, if steady. */
  readonly rate: number;
}

export interface LedgerReport {
  readonly holdsMs: readonly number[];
  readonly settlesMs: readonly number[];
  readonly debitsMs: readonly number[];
}

const TICK_MS = 2;

const load = JSON.parse(process.argv[2] ?? '{}') as LedgerLoad;
const url = new Secret(process.env['WEIR_BENCH_URL'] ?? '');
const postgres = Object.assign(new PostgresConfig(), { url });
const open = await openDatabase({ postgres, embedded: new EmbeddedConfig() }, silentLog);
const ledger = new PostgresBudgetLedger(open.database);
const report = load.kind === 'groups' ? await runGroups(ledger) : await runSteadily(ledger);
process.send?.(report);
await open.close();
process.disconnect();

async function runGroups(store: BudgetLedger): Promise<LedgerReport> {
  const items = new LedgerItems(load.name, load.budgets);
  const { holdsMs, settlesMs, debitsMs } = { holdsMs: [], settlesMs: [], debitsMs: [] } as Record<
    keyof LedgerReport,
    number[]
  >;
  const until = performance.now() + load.seconds * 1_000;
  while (performance.now() < until) {
    const holds = Array.from({ length: load.size }, () => items.hold());
    holdsMs.push(await time(() => store.decide(holds)));
    const settles = holds.map((hold) => items.debit(hold));
    settlesMs.push(await time(() => store.decide(settles)));
    const debits = holds.map(() => items.debit());
    debitsMs.push(await time(() => store.decide(debits)));
  }
  return { holdsMs, settlesMs, debitsMs };
}

async function time(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** An open loop: the next hold does not wait for the last one's answer. */
async function runSteadily(store: BudgetLedger): Promise<LedgerReport> {
  const items = new LedgerItems(load.name, load.budgets);
  const options = { groupSizeMax: load.size, queueMax: 100_000, flushesMax: 1 };
  const committer = new GroupCommitter<LedgerItem, LedgerAnswer>(
    (group) => store.decide(group),
    options,
  );
  const pending: Promise<number>[] = [];
  const startedAt = performance.now();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - startedAt;
      while (pending.length < (elapsedMs * load.rate) / 1_000)
        pending.push(time(() => committer.submit(items.hold())));
      if (elapsedMs < load.seconds * 1_000) return;
      clearInterval(timer);
      resolve();
    }, TICK_MS);
  });
  return { holdsMs: await Promise.all(pending), settlesMs: [], debitsMs: [] };
}
