/** The kernel of the ledger without gRPC (ADR 0020): what PostgreSQL decides a second, and who waits. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../common/log.js';
import { removeFolder } from '../common/remove-folder.js';
import { startEmbeddedPostgres } from '../storage/embedded-postgres.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import type { LedgerLoad, LedgerReport } from './ledger-child.js';

const CHILD = fileURLToPath(new URL('./ledger-child.js', import.meta.url));
const SIZES = [1, 10, 100, 1_000];
const CLIENTS = [1, 3];
const MANY_BUDGETS = 10_000;
/** Half of what holds on one hot budget must reach. */
const STEADY_RATE = 2_500;
const STOP_MS = 400;
const STOPPED_SIZE = 300;

export const ledgerBench: Bench = {
  name: 'ledger',
  async run({ seconds }, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    await chmod(folder, 0o755);
    const embedded = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: silentLog });
    const clients = new LedgerClients(embedded.url, seconds);
    try {
      const rows: (string | number)[][] = [];
      for (const size of SIZES)
        for (const count of CLIENTS) {
          progress(`groups of ${size}, ${count} clients`);
          const hot = rates(size, await clients.run(count, { size, budgets: 1 }));
          const many = rates(size, await clients.run(count, { size, budgets: MANY_BUDGETS }));
          rows.push([size, count, ...hot, ...many]);
        }
      progress('single holds at a steady rate');
      const notes = [await steadyNote(clients), await stoppedNote(clients, progress)];
      return {
        name: 'ledger',
        title: `Decisions a second, one hot budget and ${MANY_BUDGETS} budgets, embedded PostgreSQL, fsync on`,
        columns: [
          'group',
          'clients',
          ...['holds', 'settles', 'debits'].map((kind) => `${kind}, hot`),
          ...['holds', 'settles', 'debits'].map((kind) => `${kind}, many`),
        ],
        rows,
        notes: [
          ...notes,
          'database and clients share the machine; each kind has a third of the time',
        ],
      };
    } finally {
      await embedded.stop();
      await removeFolder(folder);
    }
  },
};

let names = 0;

class LedgerClients {
  constructor(
    private readonly url: string,
    private readonly seconds: number,
  ) {}

  async run(count: number, load: Partial<LedgerLoad>): Promise<readonly LedgerReport[]> {
    const children = this.start(count, load);
    return Promise.all(children.map((child) => reportOf(child)));
  }

  start(count: number, load: Partial<LedgerLoad>): readonly ChildProcess[] {
    const usual = { kind: 'groups', size: 1, rate: 0, budgets: 1, seconds: this.seconds } as const;
    const env = { ...process.env, WEIR_BENCH_URL: this.url };
    return Array.from({ length: count }, () => {
      const name = `c${names++}-`;
      return fork(CHILD, [JSON.stringify({ ...usual, ...load, name })], { env });
    });
  }
}

async function reportOf(child: ChildProcess): Promise<LedgerReport> {
  const died = once(child, 'exit').then(([code]) => {
    throw new Error(`a client of the ledger ended with code ${String(code)}`);
  });
  const [report] = (await Promise.race([once(child, 'message'), died])) as [LedgerReport];
  return report;
}

/** Holds, settles and debits a second, as if each kind had all of the time. */
function rates(size: number, reports: readonly LedgerReport[]): readonly number[] {
  return (['holdsMs', 'settlesMs', 'debitsMs'] as const).map((kind) => {
    const perClient = reports.map((report) => {
      const spentMs = report[kind].reduce((sum, ms) => sum + ms, 0);
      return (report[kind].length * size * 1_000) / spentMs;
    });
    return Math.round(perClient.reduce((sum, rate) => sum + rate, 0));
  });
}

async function steadyNote(clients: LedgerClients): Promise<string> {
  const [report] = await clients.run(1, { kind: 'steady', size: 1_000, rate: STEADY_RATE });
  const ms = report?.holdsMs ?? [];
  return (
    `${STEADY_RATE} single holds a second on one hot budget: ` +
    `p50 ${round(quantile(ms, 0.5))} ms, p99 ${round(quantile(ms, 0.99))} ms`
  );
}

/** Three clients on one hot budget; one of them is stopped and continued again and again. */
async function stoppedNote(
  clients: LedgerClients,
  progress: (line: string) => void,
): Promise<string> {
  const worst = async (isStopped: boolean): Promise<number> => {
    const children = clients.start(3, { size: STOPPED_SIZE, budgets: 1 });
    const [victim, ...others] = children;
    const reports = Promise.all(others.map((child) => reportOf(child)));
    const ended = victim === undefined ? undefined : reportOf(victim);
    const stops = isStopped && victim !== undefined ? stopRepeatedly(victim, reports) : undefined;
    const all = (await reports).flatMap(({ holdsMs, settlesMs }) => holdsMs.concat(settlesMs));
    await stops;
    await ended;
    return round(Math.max(...all), 0);
  };
  progress('three clients');
  const undisturbed = await worst(false);
  progress('three clients, one of them stopped in the middle');
  const disturbed = await worst(true);
  return (
    `longest group of ${STOPPED_SIZE} of two clients: ${undisturbed} ms beside a third, ` +
    `${disturbed} ms beside one that SIGSTOP stopped for ${STOP_MS} ms again and again`
  );
}

async function stopRepeatedly(victim: ChildProcess, until: Promise<unknown>): Promise<void> {
  const state = { isOver: false };
  const over = until.finally(() => {
    state.isOver = true;
  });
  for (let n = 0; !state.isOver; n++) {
    await Promise.race([over, pause(50 + ((n * 37) % 90))]);
    victim.kill('SIGSTOP');
    await Promise.race([over, pause(STOP_MS)]);
    victim.kill('SIGCONT');
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
