/**
 * Goal: two regions count together or apart, as each limit says, and go on when a relay is killed. Method:
 * processes on one database, two in one region and one in another, and SIGKILL.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { GovernanceServiceService, Scope } from '../../src/gen/weir/v1/governance_service.js';
import { Decision, QuotaServiceService } from '../../src/gen/weir/v1/quota_service.js';
import { createClient, type GrpcClient } from '../../src/rpc/grpc-client.js';
import { checkOf, declareKey, declareLimit, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { PATIENT } from '../support/start-replica.js';
import { WeirProcess } from '../support/weir-process.js';

interface Running {
  readonly process: WeirProcess;
  readonly gossip: string;
  readonly quota: GrpcClient<typeof QuotaServiceService>;
  readonly governance: GrpcClient<typeof GovernanceServiceService>;
}

const DEADLINE_MS = 60_000;
const MAXIMUM = 30;
const folder = mkdtempSync(join(tmpdir(), 'weir-regions-'));
const running = new Map<string, Running>();
let database: TestDatabase;

async function start(name: string, region: string): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  const peers = [...running.values()].map(({ gossip }) => gossip);
  const timings = { probeIntervalMs: 500, probeTimeoutMs: 250 };
  // JSON is YAML.
  const config = {
    grpc: { port: 0 },
    http: { port: 0 },
    storage: { postgres: { url: database.url } },
    journal: { dataDir: join(folder, `journal-${name}`) },
    overload: { shed: false },
    cluster: {
      enabled: true,
      nodeName: name,
      region,
      peers,
      grpc: { host: '127.0.0.1', port: 0 },
      gossip: { bindHost: '127.0.0.1', port: 0, timings },
    },
  };
  writeFileSync(file, JSON.stringify(config));
  const process = new WeirProcess(folder, ['serve', '--config', file]);
  await process.says('weir is serving');
  const said = process.out + process.err;
  const address = /"grpc":"([^"]+)"/.exec(said)?.[1] ?? '';
  running.set(name, {
    process,
    gossip: /"gossip":"([^"]+)"/.exec(said)?.[1] ?? '',
    quota: createClient(QuotaServiceService, 'weir.v1.QuotaService', address, PATIENT),
    governance: createClient(
      GovernanceServiceService,
      'weir.v1.GovernanceService',
      address,
      PATIENT,
    ),
  });
}

async function kill(name: string): Promise<void> {
  const { process, quota, governance } = at(name);
  running.delete(name);
  quota.close();
  governance.close();
  process.kill('SIGKILL');
  await process.end();
}

function at(name: string): Running {
  const found = running.get(name);
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
}

async function admitted(name: string, key: string, calls: number): Promise<number> {
  let passed = 0;
  for (let n = 0; n < calls; n++) {
    const { decision } = await at(name).quota.checkLimit(checkOf(key, { noHold: true }));
    if (decision === Decision.DECISION_ALLOW) passed += 1;
  }
  return passed;
}

async function remaining(name: string, key: string): Promise<number> {
  const { statuses } = await at(name).quota.checkLimit(checkOf(key, { dryRun: true }));
  return Number(statuses[0]?.remaining);
}

async function seen(name: string, key: string, left: number): Promise<void> {
  let last = Number.NaN;
  const isSeen = async () => (last = await remaining(name, key)) === left;
  await eventually(`${name} sees ${left} left`, isSeen, DEADLINE_MS).catch((error: unknown) => {
    throw new Error(`${name} saw ${last} left at last`, { cause: error });
  });
}

/** A key with one limit of that scope, which every replica has heard of. */
async function limitedKey(name: string, scope: Scope): Promise<string> {
  const { keyId } = await declareKey(at('us'), name);
  const maximum = BigInt(MAXIMUM);
  await declareLimit(at('us'), { id: `${name}-1`, owner: ofKey(keyId), scope, maximum });
  for (const replica of running.keys()) await seen(replica, keyId, MAXIMUM);
  return keyId;
}

beforeAll(async () => {
  database = await createTestDatabase();
  await start('eu-1', 'eu');
  await start('eu-2', 'eu');
  await start('us', 'us');
}, 180_000);

afterAll(async () => {
  for (const name of running.keys()) await kill(name);
  await database?.drop();
  removeFolderSync(folder);
});

describe('two regions', () => {
  let global: string;
  let regional: string;

  it('count a limit together, unless it counts in each region apart', async () => {
    global = await limitedKey('global', Scope.SCOPE_GLOBAL);
    regional = await limitedKey('regional', Scope.SCOPE_REGION);
    for (const key of [global, regional]) {
      expect(await admitted('eu-1', key, 5)).toBe(5);
      expect(await admitted('eu-2', key, 4)).toBe(4);
    }
    await seen('us', global, 21);
    expect(await admitted('us', regional, MAXIMUM + 3)).toBe(MAXIMUM);
    for (const name of ['eu-1', 'eu-2']) {
      await seen(name, global, 21);
      await seen(name, regional, 21);
    }
  });

  it('go on counting together when the relay of one is killed, and forget nothing', async () => {
    await kill('eu-1');
    expect(await admitted('eu-2', global, 6)).toBe(6);
    await seen('us', global, 15);
    expect(await admitted('us', global, 5)).toBe(5);
    await seen('eu-2', global, 10);
    await seen('eu-2', regional, 21);
  });

  it('give a region back what it had counted, when all of its replicas were gone', async () => {
    await kill('eu-2');
    await start('eu-3', 'eu');
    await seen('eu-3', global, 10);
    expect(await admitted('eu-3', global, 15)).toBe(10);
    await seen('us', global, 0);
  });
});
