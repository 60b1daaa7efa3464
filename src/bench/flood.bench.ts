/**
 * Calls that come faster than they can be served: what becomes of those that are taken, and how soon the others
 * are told. The caller sends bytes that were made once, at a steady pace, whether or not earlier ones are
 * answered (ADR 0042), so that it costs far less than what it asks for.
 */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { BatchCheckLimitRequest, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import { checkOf } from '../cli/cluster-demo/check-of.js';
import { removeFolder } from '../common/remove-folder.js';
import { type CallEnd, FrameConnection } from './frame-connection.js';
import { hammer } from './hammer.js';
import { ServerProcess } from './server-process.js';

const BATCH = 100;
/** In flight while it is measured what the service can do: enough to keep it busy, too little to make it late. */
const CONCURRENCY = 8;
/** As many gateways. */
const CONNECTIONS = 16;
/** Of what the service can do; the last shows what has come back after the flood. */
const FACTORS = [0.5, 1, 2, 3, 0.5];
/** Of each flood: in it the service finds out that it is one. Shown apart. */
const FIRST_MS = 1_000;
const MEBIBYTE = 2 ** 20;

export const floodBench: Bench = {
  name: 'flood',
  async run({ seconds }, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    await chmod(folder, 0o755);
    const server = await ServerProcess.start(['guarded', join(folder, 'data')]);
    const caller = await BatchCaller.to(server.address, await keyWithLimits(server.address));
    try {
      progress('capacity');
      const capacity = await capacityOf(caller, seconds);
      const rows: (string | number)[][] = [];
      for (const factor of FACTORS) {
        progress(`${factor} x capacity`);
        rows.push(...(await rowsOf(server, caller, { factor, capacity, seconds })));
      }
      return {
        name: 'flood',
        title: `Batches of ${BATCH} checks over four limits, one replica that can do ${Math.round(capacity)} a second`,
        columns: [
          'offered',
          'taken a second',
          'taken: median, ms',
          'p99, ms',
          'refused a second',
          'refused: median, ms',
          'p99, ms',
          'broken',
          'lag of the loop: p99, ms',
          'memory, MiB',
          'heap, MiB',
        ],
        rows,
        notes: [
          `sent at a steady pace over ${CONNECTIONS} connections; service and caller share the machine`,
          'times are from when a call was due, and include what HTTP/2 held back; heap is after a collection',
        ],
      };
    } finally {
      caller.close();
      await server.stop();
      await removeFolder(folder);
    }
  },
};

/** Calls a second with a few in flight; the first turn warms up. */
async function capacityOf(caller: BatchCaller, seconds: number): Promise<number> {
  await hammer(() => caller.call(), { seconds, concurrency: CONCURRENCY });
  const calls = await hammer(() => caller.call(), { seconds, concurrency: CONCURRENCY });
  return calls / seconds;
}

interface Offer {
  readonly factor: number;
  /** Calls a second of the service. */
  readonly capacity: number;
  readonly seconds: number;
}

async function rowsOf(
  server: ServerProcess,
  caller: BatchCaller,
  { factor, capacity, seconds }: Offer,
): Promise<(string | number)[][]> {
  await calm(server);
  await server.use();
  const before = await turnedAwayBy(server);
  const calls = await flooded(caller, factor * capacity, seconds + FIRST_MS / 1_000);
  const { lagP99Ms, rssBytes, heapBytes } = await server.use();
  const turnedAway = (await turnedAwayBy(server)) - before;
  const refused = timesOf(calls, 'refused').length;
  if (turnedAway !== refused)
    throw new Error(`${refused} calls were refused, ${turnedAway} for overload`);
  const atFirst = calls.filter(({ dueMs }) => dueMs < FIRST_MS);
  const later = calls.filter(({ dueMs }) => dueMs >= FIRST_MS);
  const service = [lagP99Ms, rssBytes / MEBIBYTE, heapBytes / MEBIBYTE].map((n) => round(n, 0));
  const rest = [`${factor} x`, ...cellsOf(later, seconds), ...service];
  if (factor <= 1) return [rest];
  return [[`${factor} x, first second`, ...cellsOf(atFirst, 1), '', '', ''], rest];
}

/** A call that was due so long after the first of its flood. */
interface Sent {
  readonly dueMs: number;
  readonly tookMs: number;
  readonly end: CallEnd;
}

const timesOf = (calls: readonly Sent[], wanted: CallEnd): readonly number[] =>
  calls.filter(({ end }) => end === wanted).map(({ tookMs }) => tookMs);

function cellsOf(calls: readonly Sent[], seconds: number): (string | number)[] {
  const cells = (['answered', 'refused'] as const).flatMap((end) => {
    const ms = timesOf(calls, end);
    const perSecond = Math.round(ms.length / seconds);
    if (ms.length === 0) return [perSecond, '', ''];
    return [perSecond, round(quantile(ms, 0.5), 1), round(quantile(ms, 0.99), 1)];
  });
  return [...cells, timesOf(calls, 'broken').length];
}

/** What the service says that it turned away for being overloaded: what a status alone could not tell. */
const turnedAwayBy = (server: ServerProcess): Promise<number> =>
  metric(server, /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="overload"\} (\d+)/);

/** Each flood begins with a service that does not know of the one before. */
async function calm(server: ServerProcess): Promise<void> {
  while ((await metric(server, /^weir_overloaded (\d)/m)) !== 0) await delay(100);
}

async function metric({ httpAddress }: ServerProcess, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`http://${httpAddress}/metrics`)).text();
  return Number(pattern.exec(text)?.[1] ?? 0);
}

async function flooded(
  caller: BatchCaller,
  perSecond: number,
  seconds: number,
): Promise<readonly Sent[]> {
  const startedAt = performance.now();
  const calls: Promise<Sent>[] = [];
  const send = async (dueMs: number): Promise<Sent> => {
    const end = await caller.call();
    return { dueMs, tookMs: performance.now() - startedAt - dueMs, end };
  };
  const total = Math.round(perSecond * seconds);
  while (calls.length < total) {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    while (calls.length < Math.min(due, total))
      calls.push(send((calls.length / perSecond) * 1_000));
    await delay(1);
  }
  return Promise.all(calls);
}

/** The same batch each time, over several connections in turn. */
class BatchCaller {
  private calls = 0;

  private constructor(private readonly connections: readonly FrameConnection[]) {}

  static async to(address: string, key: string): Promise<BatchCaller> {
    const checks = Array.from({ length: BATCH }, () => checkOf(key));
    const message = BatchCheckLimitRequest.encode({ checks }).finish();
    const { path } = QuotaServiceService.batchCheckLimit;
    const connections = Array.from({ length: CONNECTIONS }, () =>
      FrameConnection.to(address, { path, message }),
    );
    return new BatchCaller(await Promise.all(connections));
  }

  call(): Promise<CallEnd> {
    const connection = this.connections[this.calls++ % CONNECTIONS];
    return new Promise((resolve) => connection?.call(resolve));
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }
}

async function keyWithLimits(address: string): Promise<string> {
  const operator = new BenchOperator(address);
  const key = await operator.createKey('flood');
  for (const owner of operator.ownersOf('flood')) await operator.createEndlessLimit(owner);
  operator.close();
  return key;
}
