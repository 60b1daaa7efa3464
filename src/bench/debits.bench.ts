/** Durable debits over gRPC: every answer that is counted here has been through an fsync. */
import { chmod, mkdtemp, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolder } from '../common/remove-folder.js';
import { type DebitBudgetRequest, QuotaServiceService } from '../gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../rpc/grpc-client.js';
import { type Bench, type BenchResult, median, quantile, round } from './bench-result.js';
import { BenchOperator } from './bench-operator.js';
import { hammer } from './hammer.js';
import { ServerProcess } from './server-process.js';

const BATCH_SIZES = [1, 100, 1_000];
const CONCURRENCY = 8;
/** Budgets of the second series; a debit is posted to one of them, in turn. */
const MANY_BUDGETS = 1_000;
const FSYNCS = 200;

export const debitsBench: Bench = {
  name: 'debits',
  async run({ seconds }, progress): Promise<BenchResult> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    // As root the database runs as another user, who has to pass through.
    await chmod(folder, 0o755);
    const fsyncMs = await fsyncLatencyMs(folder);
    const server = await ServerProcess.start(['weir', join(folder, 'data')]);
    const quota = createClient(QuotaServiceService, 'weir.v1.QuotaService', server.address);
    try {
      progress('creating budgets');
      await prepare(server.address);
      const rows = [];
      for (const size of BATCH_SIZES) {
        progress(`${size} in a call, one budget`);
        const hot = await measure(quota, { size, seconds, key: 'hot-key', models: 1 });
        progress(`${size} in a call, ${MANY_BUDGETS} budgets`);
        const many = await measure(quota, { size, seconds, key: 'many-key', models: MANY_BUDGETS });
        rows.push([size, Math.round(hot), Math.round(many), round(hot / many)]);
      }
      return {
        name: 'debits',
        title: `Durable debits a second, ${CONCURRENCY} calls in flight, one replica, embedded PostgreSQL`,
        columns: ['debits in a call', 'one hot budget', `${MANY_BUDGETS} budgets`, 'hot / many'],
        rows,
        notes: [
          `fsync of 8 KiB on this disk: median ${round(median(fsyncMs), 3)} ms, p99 ${round(quantile(fsyncMs, 0.99), 3)} ms`,
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
  await operator.createKey('hot');
  await operator.createKey('many');
  for (const owner of operator.ownersOf('hot').slice(-1)) await operator.createEndlessBudget(owner);
  for (const owner of operator.ownersOf('many').slice(-1))
    for (let i = 0; i < MANY_BUDGETS; i++) await operator.createEndlessBudget(owner, `model-${i}`);
  operator.close();
}

interface DebitLoad {
  readonly size: number;
  readonly seconds: number;
  readonly key: string;
  readonly models: number;
}

async function measure(
  quota: GrpcClient<typeof QuotaServiceService>,
  { size, seconds, key, models }: DebitLoad,
): Promise<number> {
  const run = `${key}/${size}`;
  const call = (n: number): Promise<unknown> => {
    const debits = Array.from({ length: size }, (_, i) =>
      debit(key, `${run}/${n}/${i}`, (n * size + i) % models),
    );
    const [only] = debits;
    return size === 1 && only ? quota.debitBudget(only) : quota.batchDebitBudget({ debits });
  };
  const startedAt = performance.now();
  const calls = await hammer(call, { seconds, concurrency: CONCURRENCY });
  return (calls * size) / ((performance.now() - startedAt) / 1_000);
}

const debit = (keyId: string, idempotencyKey: string, model: number): DebitBudgetRequest => ({
  subject: { $case: 'virtualKeyId', value: keyId },
  provider: 'bench',
  model: `model-${model}`,
  labels: {},
  idempotencyKey,
  amountNanos: 1_000n,
  usage: undefined,
  countLimits: false,
  reservation: undefined,
});

async function fsyncLatencyMs(folder: string): Promise<readonly number[]> {
  const file = await open(join(folder, 'fsync'), 'w');
  const page = Buffer.alloc(8_192, 1);
  const latencies = [];
  for (let i = 0; i < FSYNCS; i++) {
    await file.write(page, 0, page.length, 0);
    const startedAt = performance.now();
    await file.sync();
    latencies.push(performance.now() - startedAt);
  }
  await file.close();
  return latencies;
}
