/**
 * Checks that hold money on one hot budget, over gRPC: how many a second, and how long a single one takes while
 * they come at half the rate that is aimed at.
 */
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeFolder } from '../common/remove-folder.js';
import {
  type CheckLimitRequest,
  Decision,
  QuotaServiceService,
} from '../gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../rpc/grpc-client.js';
import { BenchOperator } from './bench-operator.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import { hammer } from './hammer.js';
import { ServerProcess } from './server-process.js';

const BATCH_SIZES = [1, 100, 1_000];
const CONCURRENCY = 8;
/** Half of the 5,000 a second that one hot budget shall take. */
const PACED_PER_SECOND = 2_500;
const KEY = 'hold-key';

type Quota = GrpcClient<typeof QuotaServiceService>;

export const holdsBench: Bench = {
  name: 'holds',
  async run({ seconds }, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    await chmod(folder, 0o755);
    const server = await ServerProcess.start(['weir', join(folder, 'data')]);
    const quota = createClient(QuotaServiceService, 'weir.v1.QuotaService', server.address);
    try {
      await prepare(server.address);
      const rows: (string | number)[][] = [];
      for (const size of BATCH_SIZES) {
        progress(`${size} in a call`);
        rows.push([
          `${size} in a call`,
          Math.round(await rateOf(quota, size, seconds)),
          '',
          '',
          '',
        ]);
      }
      progress('paced');
      const paced = await pacedLatencies(quota, seconds);
      const perSecond = Math.round(paced.length / seconds);
      const quantiles = [0.5, 0.9, 0.99].map((q) => round(quantile(paced, q), 1));
      rows.push([`1 in a call, paced`, perSecond, ...quantiles]);
      return {
        name: 'holds',
        title: 'Checks that hold on one hot budget, over gRPC, one replica, embedded PostgreSQL',
        columns: ['load', 'holds a second', 'median, ms', 'p90, ms', 'p99, ms'],
        rows,
        notes: [
          `paced: ${PACED_PER_SECOND} a second are sent, whether or not earlier ones are answered`,
          'service, database and client share the machine',
        ],
      };
    } finally {
      quota.close();
      await server.stop();
      await removeFolder(folder);
    }
  },
};

async function prepare(address: string): Promise<void> {
  const operator = new BenchOperator(address);
  await operator.createKey('hold');
  for (const owner of operator.ownersOf('hold').slice(-1))
    await operator.createEndlessBudget(owner);
  operator.close();
}

async function rateOf(quota: Quota, size: number, seconds: number): Promise<number> {
  const call = async (n: number): Promise<void> => {
    const checks = Array.from({ length: size }, (_, i) => holdOf(`${size}/${n}/${i}`));
    const [only] = checks;
    if (size === 1 && only) return requireAllowed((await quota.checkLimit(only)).decision);
    const { results } = await quota.batchCheckLimit({ checks });
    for (const { result } of results)
      requireAllowed(result?.$case === 'response' ? result.value.decision : undefined);
    return undefined;
  };
  const startedAt = performance.now();
  const calls = await hammer(call, { seconds, concurrency: CONCURRENCY });
  return (calls * size) / ((performance.now() - startedAt) / 1_000);
}

async function pacedLatencies(quota: Quota, seconds: number): Promise<readonly number[]> {
  const latencies: number[] = [];
  const call = async (n: number): Promise<void> => {
    const sentAt = performance.now();
    const { decision } = await quota.checkLimit(holdOf(`paced/${n}`), { deadlineMs: 60_000 });
    requireAllowed(decision);
    latencies.push(performance.now() - sentAt);
  };
  const startedAt = performance.now();
  const calls: Promise<void>[] = [];
  const total = PACED_PER_SECOND * seconds;
  while (calls.length < total) {
    const due = ((performance.now() - startedAt) / 1_000) * PACED_PER_SECOND;
    while (calls.length < Math.min(due, total)) calls.push(call(calls.length));
    await delay(1);
  }
  await Promise.all(calls);
  return latencies;
}

function requireAllowed(decision: Decision | undefined): void {
  if (decision !== Decision.DECISION_ALLOW) throw new Error('a hold on an endless budget passes');
}

const holdOf = (reservationKey: string): CheckLimitRequest => ({
  subject: { $case: 'virtualKeyId', value: KEY },
  provider: 'bench',
  model: 'chat',
  labels: {},
  amountNanos: 1_000n,
  dryRun: false,
  reservationKey,
  reserveTtl: { seconds: 600n, nanos: 0 },
  noHold: false,
  inputTokens: 0n,
  maxOutputTokens: 0n,
});
