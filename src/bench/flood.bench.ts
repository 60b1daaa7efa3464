/**
 * Calls that come faster than they can be served: what becomes of those that are taken, and how soon the others
 * are told. Batches of 100 checks, encoded once, so that the caller costs less than the service.
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { BatchCheckLimitRequest, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import { checkOf } from './cluster-check.js';
import { hammer } from './hammer.js';
import { ServerProcess } from './server-process.js';

const BATCH = 100;
const CONCURRENCY = 4;
const CONNECTIONS = 16;
const DEADLINE_MS = 30_000;
/** Of what the service can do; the last shows what has come back after the flood. */
const FACTORS = [0.5, 1, 3, 0.5];

export const floodBench: Bench = {
  name: 'flood',
  async run({ seconds }, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    await chmod(folder, 0o755);
    const server = await ServerProcess.start(['guarded', join(folder, 'data')]);
    const caller = new BatchCaller(server.address, await keyWithLimits(server.address));
    try {
      progress('capacity');
      await hammer(() => caller.call(), { seconds, concurrency: CONCURRENCY });
      const calls = await hammer(() => caller.call(), { seconds, concurrency: CONCURRENCY });
      const capacity = calls / seconds;
      const rows: (string | number)[][] = [];
      for (const factor of FACTORS) {
        progress(`${factor} x capacity`);
        const flood = await flooded(caller, factor * capacity, seconds);
        const mebibytes = (await server.rssBytes()) / 2 ** 20;
        rows.push([`${factor} x`, ...rowOf(flood, seconds), round(mebibytes, 0)]);
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
          'unanswered',
          'memory, MiB',
        ],
        rows,
        notes: [
          'sent at a steady pace, whether or not earlier ones are answered; service and caller share the machine',
        ],
      };
    } finally {
      caller.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Flood {
  readonly takenMs: readonly number[];
  readonly refusedMs: readonly number[];
  /** Neither taken nor refused: the deadline has passed, or the stream has broken. */
  readonly unanswered: number;
}

async function flooded(caller: BatchCaller, perSecond: number, seconds: number): Promise<Flood> {
  const takenMs: number[] = [];
  const refusedMs: number[] = [];
  let unanswered = 0;
  const send = async (): Promise<void> => {
    const sentAt = performance.now();
    const code = await caller.call();
    const tookMs = performance.now() - sentAt;
    if (code === status.OK) takenMs.push(tookMs);
    else if (code === status.RESOURCE_EXHAUSTED) refusedMs.push(tookMs);
    else unanswered += 1;
  };
  const startedAt = performance.now();
  const calls: Promise<void>[] = [];
  const total = perSecond * seconds;
  while (calls.length < total) {
    const due = ((performance.now() - startedAt) / 1_000) * perSecond;
    while (calls.length < Math.min(due, total)) calls.push(send());
    await delay(1);
  }
  await Promise.all(calls);
  return { takenMs, refusedMs, unanswered };
}

const rowOf = ({ takenMs, refusedMs, unanswered }: Flood, seconds: number): (string | number)[] => [
  Math.round(takenMs.length / seconds),
  round(quantile(takenMs, 0.5), 1),
  round(quantile(takenMs, 0.99), 1),
  Math.round(refusedMs.length / seconds),
  ...(refusedMs.length === 0
    ? ['-', '-']
    : [round(quantile(refusedMs, 0.5), 1), round(quantile(refusedMs, 0.99), 1)]),
  unanswered,
];

/**
 * Sends the same bytes each time, and does not look into the answer. Over several connections, as several gateways
 * would: on one, HTTP/2 lets a hundred calls be under way, and the rest wait with the caller.
 */
class BatchCaller {
  private readonly clients: readonly Client[];
  private readonly bytes: Buffer;
  private calls = 0;

  constructor(address: string, key: string) {
    const options = { 'grpc.use_local_subchannel_pool': 1 };
    this.clients = Array.from(
      { length: CONNECTIONS },
      () => new Client(address, credentials.createInsecure(), options),
    );
    const checks = Array.from({ length: BATCH }, () => checkOf(key));
    this.bytes = Buffer.from(BatchCheckLimitRequest.encode({ checks }).finish());
  }

  call(): Promise<status> {
    const { path } = QuotaServiceService.batchCheckLimit;
    const asIs = (bytes: Buffer): Buffer => bytes;
    const deadline = Date.now() + DEADLINE_MS;
    return new Promise((resolve) => {
      this.clients[this.calls++ % CONNECTIONS]?.makeUnaryRequest(
        path,
        asIs,
        asIs,
        this.bytes,
        new Metadata(),
        { deadline },
        (error) => resolve(error?.code ?? status.OK),
      );
    });
  }

  close(): void {
    for (const client of this.clients) client.close();
  }
}

async function keyWithLimits(address: string): Promise<string> {
  const operator = new BenchOperator(address);
  const key = await operator.createKey('flood');
  for (const owner of operator.ownersOf('flood')) await operator.createEndlessLimit(owner);
  operator.close();
  return key;
}
