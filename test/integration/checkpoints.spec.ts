import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { removeFolder } from '../../src/common/remove-folder.js';
import { GovernanceServiceService } from '../../src/gen/weir/v1/governance_service.js';
import { Decision, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient } from '../../src/rpc/grpc-client.js';
import { checkOf, declareKey, declareLimit } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { PATIENT, startReplica } from '../support/start-replica.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { WeirProcess } from '../support/weir-process.js';

let folder: string;
let database: TestDatabase;
const running: WeirProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-checkpoints-'));
  await chmod(folder, 0o755);
  database = await createTestDatabase();
});

afterEach(async () => {
  for (const process of running) process.kill('SIGTERM');
  await Promise.all(running.splice(0).map((process) => process.end()));
  await database.drop();
  await removeFolder(folder);
});

/** `weir serve` as a process of its own, with clients. */
async function serve(settings = '') {
  await writeFile(join(folder, 'weir.yaml'), `log: { level: warn }\n${settings}`);
  const service = new WeirProcess(folder, [
    'serve',
    '--json',
    '--grpc-port',
    '0',
    '--http-port',
    '0',
  ]);
  running.push(service);
  await service.says('httpAddress');
  const { grpcAddress, httpAddress } = JSON.parse(service.out) as Record<string, string>;
  const quota = createClient(
    QuotaServiceService,
    'weir.v1.QuotaService',
    grpcAddress ?? '',
    PATIENT,
  );
  const governance = createClient(
    GovernanceServiceService,
    'weir.v1.GovernanceService',
    grpcAddress ?? '',
    PATIENT,
  );
  return {
    quota,
    governance,
    async end(signal: NodeJS.Signals): Promise<void> {
      quota.close();
      governance.close();
      service.kill(signal);
      await service.end();
    },
    metric: async (name: string): Promise<number> => metricOf(`http://${httpAddress}`, name),
  };
}

async function metricOf(address: string, name: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

type Quota = Awaited<ReturnType<typeof serve>>['quota'];

const LONG = { name: 'long', maximum: 1_000n };

const isAllowed = async (quota: Quota, keyId: string): Promise<boolean> =>
  (await quota.checkLimit(checkOf(keyId))).decision === Decision.DECISION_ALLOW;

async function remaining(quota: Quota, keyId: string): Promise<bigint | undefined> {
  const { statuses } = await quota.checkLimit(checkOf(keyId, { dryRun: true }));
  return statuses[0]?.remaining;
}

/** Of the last checkpoint, or less by what it takes to ask. */
const ageMs = async (metric: (name: string) => Promise<number>): Promise<number> =>
  1_000 * (await metric('weir_counters_checkpoint_age_seconds'));

describe('what limits have counted', () => {
  it.each([
    ['the embedded database', () => ''],
    ['PostgreSQL', () => `storage: { postgres: { url: '${database.url}' } }`],
  ])(
    'outlives SIGTERM on %s',
    async (_name, settings) => {
      const first = await serve(settings());
      const { keyId } = await declareKey(first, 'acme');
      await declareLimit(first, LONG);
      for (let i = 0; i < 37; i++) expect(await isAllowed(first.quota, keyId)).toBe(true);
      await first.end('SIGTERM');
      const second = await serve(settings());
      expect(await remaining(second.quota, keyId)).toBe(963n);
      await second.end('SIGTERM');
      const third = await serve(settings());
      expect(await remaining(third.quota, keyId)).toBe(963n);
    },
    180_000,
  );

  it('outlives SIGKILL but for the last few seconds', async () => {
    const settings = 'counters: { checkpointIntervalMs: 1000 }';
    const first = await serve(settings);
    const { keyId } = await declareKey(first, 'acme');
    await declareLimit(first, LONG);
    const answeredAt: number[] = [];
    let saved = 0;
    await eventually('a checkpoint has saved a part of it', async () => {
      await isAllowed(first.quota, keyId);
      answeredAt.push(performance.now());
      const savedUntil = performance.now() - (await ageMs(first.metric));
      saved = answeredAt.filter((at) => at < savedUntil).length;
      return saved > 20;
    });
    await first.end('SIGKILL');
    const second = await serve(settings);
    const kept = 1_000 - Number(await remaining(second.quota, keyId));
    expect(kept).toBeGreaterThanOrEqual(saved);
    expect(kept).toBeLessThanOrEqual(answeredAt.length);
    expect(await second.metric('weir_counters_checkpoint_rows_restored_total')).toBe(1);
  }, 180_000);

  it('is decided on while the database is away, and saved when it is back', async () => {
    const network = new TcpProxy(database.url);
    await network.up();
    const settings = { 'counters.checkpointIntervalMs': 200, 'journal.dataDir': folder };
    const replica = await startReplica(network.url, settings);
    const metric = (name: string) => metricOf(`http://${replica.service.httpAddress}`, name);
    const { keyId } = await declareKey(replica, 'acme');
    await declareLimit(replica, LONG);
    await isAllowed(replica.quota, keyId);
    await network.down();
    await eventually(
      'a checkpoint fails',
      async () => (await metric('weir_counters_checkpoint_failures_total')) > 0,
    );
    for (let i = 0; i < 9; i++) expect(await isAllowed(replica.quota, keyId)).toBe(true);
    await network.up();
    const upAt = performance.now();
    await eventually(
      'checkpoints are written again',
      async () => performance.now() - (await ageMs(metric)) > upAt,
    );
    await replica.stop();
    const next = await startReplica(network.url, settings);
    expect(await remaining(next.quota, keyId)).toBe(990n);
    await next.stop();
    await network.down();
  });
});
