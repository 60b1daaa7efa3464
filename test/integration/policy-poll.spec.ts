/**
 * Goal: a change of a policy is enforced everywhere within the poll interval where neither the notification of
 * the database nor the hint of a peer comes through. Method: `there` hears of the database through a proxy
 * that drops notifications, and peers look for its stream where it does not listen; `asleep` is the same and
 * never polls, which shows that nothing else could have told `there`. `POLICY_RUNS` says how often.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { LinkState } from '../../src/gen/weir/v1/cluster_service.js';
import { checkOf, declareKey, limitOf, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const RUNS = Number(process.env['POLICY_RUNS'] ?? 5);
const POLL_MS = 1_000;
const CLUSTERED = {
  'cluster.enabled': true,
  'cluster.gossip.bindHost': '127.0.0.1',
  'cluster.gossip.port': 0,
  'cluster.joinWaitMs': 500,
};
/** Where nobody looks who is told its address by gossip. */
const UNHEARD = { ...CLUSTERED, 'cluster.grpc.host': '127.0.0.2' };

let database: TestDatabase;
let proxy: TcpProxy;
const running: Replica[] = [];

async function start(name: string, url: string, settings: object): Promise<Replica> {
  const [first] = running;
  const { self } = (await first?.cluster.getReplicaStatus({})) ?? {};
  const peers = self === undefined ? [] : [self.address];
  const named = { 'cluster.nodeName': name, 'cluster.peers': peers };
  const replica = await startReplica(url, { ...named, ...settings });
  running.push(replica);
  return replica;
}

beforeAll(async () => {
  database = await createTestDatabase();
  proxy = new TcpProxy(database.url);
  await proxy.up();
});

afterAll(async () => {
  for (const replica of running.toReversed()) await replica.stop();
  await proxy?.down();
  await database?.drop();
});

it(`a change is enforced by the poll alone, ${RUNS} times`, async () => {
  const here = await start('here', database.url, CLUSTERED);
  const poll = { 'governance.pollIntervalMs': POLL_MS };
  const there = await start('there', proxy.url, { ...UNHEARD, ...poll });
  const never = { 'governance.pollIntervalMs': 3_600_000 };
  const asleep = await start('asleep', proxy.url, { ...UNHEARD, ...never });
  const { keyId } = await declareKey(here, 'polled');
  const limit = limitOf({ id: 'polled-limit', owner: ofKey(keyId), maximum: 1n });
  await here.governance.createLimit({ limit });
  for (const replica of running)
    await eventually('all know the limit', async () => (await maximumOf(replica, keyId)) === 1n);
  proxy.dropsNotifications = true;
  const tookMs: number[] = [];
  for (let maximum = 2n; maximum < 2n + BigInt(RUNS); maximum++) {
    await here.governance.updateLimit({ limit: { ...limit, maximum }, updateMask: ['maximum'] });
    const changedAt = performance.now();
    await eventually(
      'the poll brings the change',
      async () => (await maximumOf(there, keyId)) === maximum,
      60_000,
    );
    tookMs.push(performance.now() - changedAt);
  }
  expect(await maximumOf(asleep, keyId)).toBe(1n);
  expect(proxy.notificationsDropped).toBeGreaterThanOrEqual(RUNS);
  const { members } = await here.cluster.listMembers({});
  const links = members.filter(({ isSelf }) => !isSelf).map(({ link }) => link);
  expect(links.length).toBe(2);
  expect(links).not.toContain(LinkState.LINK_STATE_OPEN);
  process.stderr.write(`policies by poll alone, every ${POLL_MS} ms: ${spread(tookMs)}\n`);
}, 600_000);

async function maximumOf({ quota }: Replica, keyId: string): Promise<bigint | undefined> {
  const { statuses } = await quota.checkLimit(checkOf(keyId, { dryRun: true }));
  return statuses[0]?.limit;
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b).map(Math.round);
  const at = (q: number): number | undefined =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms of ${sorted.length}`;
}
