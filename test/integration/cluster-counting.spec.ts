/** Replicas that count together: in this process, on one database, over real streams on loopback. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { problemsOf } from '../../src/cli/commands/cluster.js';
import { LinkState } from '../../src/gen/weir/v1/cluster_service.js';
import { Decision } from '../../src/gen/weir/v1/quota_service.js';
import { BenchOperator } from '../../src/bench/bench-operator.js';
import { checkOf, declareKey, declareLimit, LONG_WINDOW_MS, ofTeam } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

const clustered = {
  'cluster.enabled': true,
  'cluster.gossip.bindHost': '127.0.0.1',
  'cluster.gossip.port': 0,
  'cluster.gossip.timings.probeIntervalMs': 200,
  'cluster.gossip.timings.probeTimeoutMs': 100,
  'cluster.grpc.host': '127.0.0.1',
  'cluster.grpc.port': 0,
  'cluster.joinWaitMs': 20_000,
};

let database: TestDatabase;
let operator: BenchOperator;
const running = new Map<string, Replica>();

async function start(name: string, overrides: Readonly<Record<string, unknown>> = {}) {
  const peers = await Promise.all([...running.values()].map(gossipAddress));
  const settings = { ...clustered, 'cluster.nodeName': name, 'cluster.peers': peers };
  const replica = await startReplica(database.url, { ...settings, ...overrides });
  running.set(name, replica);
  return replica;
}

async function stop(name: string): Promise<void> {
  await running.get(name)?.stop();
  running.delete(name);
}

async function gossipAddress({ cluster }: Replica): Promise<string> {
  const { self } = await cluster.getReplicaStatus({});
  return self?.address ?? '';
}

const at = (name: string): Replica => {
  const replica = running.get(name);
  if (replica === undefined) throw new Error(`${name} does not run`);
  return replica;
};

/** How many of so many calls passed. */
async function admitted({ quota }: Replica, key: string, calls: number): Promise<number> {
  let passed = 0;
  for (let n = 0; n < calls; n++) {
    const { decision } = await quota.checkLimit(checkOf(key));
    if (decision === Decision.DECISION_ALLOW) passed += 1;
  }
  return passed;
}

async function remaining({ quota }: Replica, key: string): Promise<number> {
  const { statuses } = await quota.checkLimit(checkOf(key, { dryRun: true }));
  return Number(statuses[0]?.remaining);
}

async function seen(name: string, key: string, left: number): Promise<void> {
  let last = Number.NaN;
  const isSeen = async (): Promise<boolean> => (last = await remaining(at(name), key)) === left;
  await eventually(`${name} sees ${left} left of ${key}`, isSeen).catch((error: unknown) => {
    throw new Error(`${name} saw ${last} left at last`, { cause: error });
  });
}

/** A key with a limit that every replica has heard of: until then calls pass, as they did before. */
async function limitedKey(name: string, maximum: number): Promise<string> {
  const key = await operator.createLimitedKey(name, maximum, LONG_WINDOW_MS);
  for (const replica of running.keys()) await seen(replica, key, maximum);
  return key;
}

const linkOf = async (from: string, to: string) =>
  (await at(from).cluster.listMembers({})).members.find(({ name }) => name === to);

/** What health says is not well. */
async function reasonsAt(name: string): Promise<readonly string[]> {
  const { details } = JSON.parse(await (await at(name).get('/health/ready')).text());
  return details.replica.reasons;
}

/** Waits until the metrics of a replica have such a line: gauges follow the streams, which may break on a busy machine. */
async function measured(name: string, line: RegExp): Promise<void> {
  let last = '';
  await eventually(
    () => `${name} measures ${line}; it measures ${last.match(/^weir_cluster_.*/gm)?.join('; ')}`,
    async () => line.test((last = await (await at(name).get('/metrics')).text())),
  );
}

const isOf = async (name: string, reasons: readonly string[]): Promise<boolean> =>
  isDeepStrictEqual(await reasonsAt(name), reasons);

beforeAll(async () => {
  database = await createTestDatabase();
  await start('a');
  await start('b');
  await start('far', { 'cluster.region': 'elsewhere', 'cluster.regionSyncIntervalMs': 100 });
  operator = new BenchOperator(at('a').service.grpcAddress);
});

afterAll(async () => {
  operator?.close();
  for (const name of running.keys()) await stop(name);
  await database?.drop();
});

describe('replicas that count together', () => {
  it('enforce one limit, wherever the calls come, in other regions too', async () => {
    const key = await limitedKey('together', 30);
    expect(await admitted(at('a'), key, 10)).toBe(10);
    await seen('b', key, 20);
    await seen('far', key, 20);
    expect(await admitted(at('far'), key, 10)).toBe(10);
    await seen('a', key, 10);
    await seen('b', key, 10);
    expect(await admitted(at('b'), key, 15)).toBe(10);
    await seen('a', key, 0);
    await seen('far', key, 0);
    expect(await admitted(at('a'), key, 3)).toBe(0);
    expect(await admitted(at('far'), key, 3)).toBe(0);
  });

  it('show what a group has counted, wherever its calls came', async () => {
    const { keyId, teamId } = await declareKey(at('b'), 'grouped');
    const grouped = { owner: ofTeam(teamId), maximum: 9n, groupBy: ['virtual_key', 'model'] };
    await declareLimit(at('b'), grouped);
    const isSeen = async (name: string, model: string, left: bigint): Promise<boolean> => {
      const group = { virtual_key: keyId, model };
      const subject = { $case: 'owner', value: ofTeam(teamId) } as const;
      const usage = at(name).quota.getUsage({ subject, interval: undefined, group });
      return usage.then(
        ({ statuses: [one] }) => one?.remaining === left && isDeepStrictEqual(one.group, group),
        () => false,
      );
    };
    for (const name of ['a', 'b']) await eventually(`${name} knows`, () => isSeen(name, 'o3', 9n));
    await at('b').quota.checkLimit(checkOf(keyId, { model: 'o3', requests: 4n }));
    await at('a').quota.checkLimit(checkOf(keyId, { model: 'o4', requests: 2n }));
    for (const name of ['a', 'b']) {
      await eventually(`${name} sees what b counted`, () => isSeen(name, 'o3', 5n));
      await eventually(`${name} sees what a counted`, () => isSeen(name, 'o4', 7n));
    }
  });

  it('tell one that comes what was counted before it is ready, its own run before included', async () => {
    const key = await limitedKey('remembered', 10);
    expect(await admitted(at('b'), key, 7)).toBe(7);
    await seen('a', key, 3);
    await stop('b');
    const again = await start('b');
    expect(await remaining(again, key)).toBe(3);
    expect(await admitted(again, key, 5)).toBe(3);
    await seen('a', key, 0);
  });

  it('enforce a changed policy everywhere', async () => {
    const key = await limitedKey('changed', 5);
    await seen('b', key, 5);
    await operator.setMaximum(key, 9);
    await seen('a', key, 9);
    await seen('b', key, 9);
    await seen('far', key, 9);
  });

  it('say how old their news is, and over which streams it comes', async () => {
    await eventually('a hears b', async () => {
      const member = await linkOf('a', 'b');
      return member?.link === LinkState.LINK_STATE_OPEN && member.freshness !== undefined;
    });
    const { freshness } = await at('a').cluster.getReplicaStatus({});
    expect(freshness).toBeDefined();
    const key = await limitedKey('fresh', 5);
    const answer = await at('a').quota.checkLimit(checkOf(key));
    expect(answer.freshness).toMatchObject({ seconds: expect.any(BigInt) });
    await measured('a', /weir_cluster_links\{state="open"\} 2/);
    await measured('a', /weir_cluster_freshness_seconds 0\.\d+/);
  });

  it('refuse the counts of one whose settings give them another meaning, and say which', async () => {
    await start('other', { 'governance.virtualKeyMandatory': true, 'cluster.joinWaitMs': 500 });
    await eventually('a names the setting', async () => {
      const member = await linkOf('a', 'other');
      const isNamed = member?.linkDetail.includes('governance.virtualKeyMandatory') === true;
      return isNamed && member.link === LinkState.LINK_STATE_REFUSED;
    });
    const trouble = 'other differs in settings: governance.virtualKeyMandatory';
    await eventually('health names both, once', () => isOf('a', [trouble]));
    expect((await at('a').get('/health/ready')).status).toBe(200);
    await measured('a', /weir_cluster_replicas_disagreeing 1/);
    await eventually('so do the members', async () => {
      const { members } = await at('a').cluster.listMembers({});
      return members.flatMap(problemsOf).includes(trouble);
    });
    const setting = 'differs in settings: governance.virtualKeyMandatory';
    await eventually('so does it, of all others', () =>
      isOf('other', [`a ${setting}`, `b ${setting}`, `far ${setting}`]),
    );
    // It has no stream to that one, since a speaks for the region: gossip tells that it differs, not in what.
    await eventually('the other region knows', () => isOf('far', ['other differs in settings']));
    await stop('other');
  });

  it('refuse the counts of one on another database, where the same counter has another name', async () => {
    const elsewhere = await createTestDatabase();
    await start('lost', { 'storage.postgres.url': elsewhere.url, 'cluster.joinWaitMs': 500 });
    await eventually('a names the setting', async () => {
      const member = await linkOf('a', 'lost');
      return member?.linkDetail === 'settings: storage.postgres';
    });
    await eventually('health names both, once', () =>
      isOf('a', ['lost differs in settings: storage.postgres']),
    );
    await stop('lost');
    await elsewhere.drop();
  });

  it('cannot overlook one that gossip sees and no stream reaches', async () => {
    // It listens for peers where nobody who is told its address by gossip would look.
    await start('half', { 'cluster.grpc.host': '127.0.0.2', 'cluster.joinWaitMs': 500 });
    await eventually('health names the replica', async () =>
      (await reasonsAt('a')).includes('no counts are exchanged with half'),
    );
    await eventually('its link says why', async () => {
      const { linkDetail = '' } = (await linkOf('a', 'half')) ?? {};
      return linkDetail !== '';
    });
    await stop('half');
    await eventually('it has left and is named no more', () => isOf('a', []));
  });

  it('do not miss a stream that is not needed any more', async () => {
    // The lowest name of its region: from now on it speaks to the other one, in place of a.
    await start('0');
    await eventually('a needs no stream to the other region', async () => {
      const member = await linkOf('a', 'far');
      return member?.link === LinkState.LINK_STATE_UNSPECIFIED;
    });
    await measured('a', /weir_cluster_links\{state="closed"\} 0/);
    await stop('0');
  });

  it('keep to themselves if their clusters have other names', async () => {
    const key = await limitedKey('apart', 4);
    await start('stranger', { 'cluster.name': 'another', 'cluster.joinWaitMs': 500 });
    expect(await admitted(at('stranger'), key, 4)).toBe(4);
    expect(await linkOf('a', 'stranger')).toBeUndefined();
    expect(await remaining(at('a'), key)).toBe(4);
    await stop('stranger');
  });

  it('remember through a restart of everything', async () => {
    const key = await limitedKey('restarted', 20);
    expect(await admitted(at('a'), key, 6)).toBe(6);
    await seen('b', key, 14);
    expect(await admitted(at('b'), key, 5)).toBe(5);
    for (const name of running.keys()) await stop(name);
    await start('a', { 'cluster.joinWaitMs': 0 });
    expect(await remaining(at('a'), key)).toBe(9);
    await start('b');
    expect(await remaining(at('b'), key)).toBe(9);
  });
});
