/** Three replicas of one cluster, in this process, on one database and on loopback. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT, type ExitCode } from '../../src/cli/exit-code.js';
import { runCli } from '../../src/cli/program.js';
import { MemberState } from '../../src/gen/weir/v1/cluster_service.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

const KEY = Buffer.alloc(32, 1).toString('base64');

let database: TestDatabase;
const replicas: Replica[] = [];

const clustered = {
  'cluster.enabled': true,
  'cluster.gossip.bindHost': '127.0.0.1',
  'cluster.gossip.port': 0,
  'cluster.gossip.keys': [KEY],
};

async function start(overrides: Readonly<Record<string, unknown>>): Promise<Replica> {
  const replica = await startReplica(database.url, { ...clustered, ...overrides });
  replicas.push(replica);
  return replica;
}

async function addressOf(replica: Replica): Promise<string> {
  const { self } = await replica.cluster.getReplicaStatus({});
  return self?.address ?? '';
}

async function membersOf(replica: Replica) {
  const { members } = await replica.cluster.listMembers({});
  return members.map(({ name, state, region, isSelf }) => ({ name, state, region, isSelf }));
}

/** Runs a command line in this process, against a replica. */
async function weir(
  { service }: Replica,
  args: readonly string[],
  input = '',
): Promise<{ readonly code: ExitCode; readonly out: string; readonly err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    stdin: Readable.from([Buffer.from(input)]),
    env: { WEIR_TARGET: service.grpcAddress },
    stopRequested: () => new Promise(() => undefined),
  });
  return { code, ...written };
}

beforeAll(async () => {
  database = await createTestDatabase();
  const first = await start({ 'cluster.nodeName': 'a', 'cluster.region': 'eu' });
  const peers = [await addressOf(first)];
  await start({ 'cluster.nodeName': 'b', 'cluster.region': 'eu', 'cluster.peers': peers });
  await start({ 'cluster.nodeName': 'c', 'cluster.region': 'us', 'cluster.peers': peers });
});

afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await database?.drop();
});

const at = (index: number): Replica => replicas[index] as Replica;

describe('a cluster of three', () => {
  it('knows all of them everywhere, with their regions', async () => {
    const { MEMBER_STATE_ALIVE: state } = MemberState;
    const all = [
      { name: 'a', state, region: 'eu', isSelf: false },
      { name: 'b', state, region: 'eu', isSelf: false },
      { name: 'c', state, region: 'us', isSelf: false },
    ];
    for (const [index, replica] of replicas.entries()) {
      const expected = all.map((one, i) => ({ ...one, isSelf: i === index }));
      await eventually('all three are known', async () => {
        const members = await membersOf(replica);
        return JSON.stringify(members) === JSON.stringify(expected);
      });
    }
  });

  it('tells ports, versions and round trips', async () => {
    await eventually('a round trip is known', async () => {
      const { members } = await at(0).cluster.listMembers({});
      return members.every(({ isSelf, rtt }) => isSelf || rtt !== undefined);
    });
    const { members } = await at(0).cluster.listMembers({});
    const ports = replicas.map(({ service }) => Number(service.grpcAddress.split(':').at(-1)));
    expect(members.map(({ grpcPort }) => grpcPort)).toEqual(ports);
    expect(new Set(members.map(({ bootId }) => bootId)).size).toBe(3);
    expect(members.every(({ settingsAgree, version }) => settingsAgree && version !== '')).toBe(
      true,
    );
  });

  it('shows its members as a table and as a document', async () => {
    const { code, out } = await weir(at(1), ['members']);
    expect(code).toBe(EXIT.OK);
    expect(out).toMatch(
      /^NAME +ADDRESS +STATE +REGION +INCARNATION +RTT +LINK +NEWS +SINCE \(UTC\)/,
    );
    expect(out).toMatch(/\nb \(this one\) +127\.0\.0\.1:\d+ +alive +eu/);
    const { members } = JSON.parse((await weir(at(1), ['members', '--json'])).out);
    expect(members[2]).toMatchObject({ name: 'c', state: 'MEMBER_STATE_ALIVE', region: 'us' });
  });

  it('tells its health and its metrics of the cluster', async () => {
    let text = '';
    await eventually('the metrics count all three', async () => {
      text = await (await at(0).get('/metrics')).text();
      return text.includes('weir_cluster_members{state="alive"} 3');
    });
    expect(text).toMatch(/weir_gossip_total\{kind="packets\.in"\} \d+/);
    expect((await at(0).get('/health/ready')).status).toBe(200);
  });

  it('tells a replica of another key, or of another cluster, nothing', async () => {
    const peers = [await addressOf(at(0))];
    const strangers = [
      { 'cluster.gossip.keys': [Buffer.alloc(32, 2).toString('base64')] },
      { 'cluster.name': 'other' },
    ];
    for (const odd of strangers) {
      const stranger = await startReplica(database.url, {
        ...clustered,
        'cluster.nodeName': 'stranger',
        'cluster.peers': peers,
        'cluster.joinWaitMs': 300,
        ...odd,
      });
      expect((await membersOf(stranger)).map(({ name }) => name)).toEqual(['stranger']);
      await stranger.stop();
    }
    expect((await membersOf(at(0))).map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });
});

describe('a rotation of keys', () => {
  const newKey = Buffer.alloc(32, 7).toString('base64');
  let oldId = '';
  let newId = '';

  it('lists keys by their ids', async () => {
    const { out } = await weir(at(0), ['keyring', 'list', '--json']);
    const { keys } = JSON.parse(out);
    expect(keys).toMatchObject([{ installedOn: ['a', 'b', 'c'], usedBy: ['a', 'b', 'c'] }]);
    oldId = keys[0].keyId;
    expect(out).not.toContain(KEY);
  });

  it('does not use what is not installed everywhere, nor remove what seals', async () => {
    const unknown = await weir(at(0), ['keyring', 'use', '0123456789ab']);
    expect(unknown.code).not.toBe(EXIT.OK);
    expect(unknown.err).toMatch(/a does not have it; install it there first/);
    const inUse = await weir(at(1), ['keyring', 'remove', oldId]);
    expect(inUse.err).toMatch(/b seals with it; use another one first/);
    expect((await weir(at(0), ['keyring', 'use', 'x'])).err).toMatch(/is no key id/);
  });

  it('refuses what is no key, and shows none of it', async () => {
    const { code, err } = await weir(at(0), ['keyring', 'install', '-'], 'hunter2-hunter2');
    expect([code, err.includes('hunter2')]).toEqual([EXIT.USAGE, false]);
    const refused = await failure(at(0).cluster.installKey({ key: Buffer.from('short') }));
    expect(refused.message).toMatch(/key: has 5 bytes; a key has 16, 24 or 32/);
  });

  it('goes in three steps over all replicas, from any of them', async () => {
    const installed = await weir(at(0), ['keyring', 'install', '-'], `${newKey}\n`);
    expect(installed.out).toMatch(
      /^Key [0-9a-f]{12}\nREPLICA +ANSWER\na +done\nb +done\nc +done\n$/,
    );
    newId = installed.out.slice(4, 16);
    expect((await weir(at(1), ['keyring', 'use', newId])).code).toBe(EXIT.OK);
    expect((await weir(at(2), ['keyring', 'remove', oldId])).code).toBe(EXIT.OK);
    const { out } = await weir(at(2), ['keyring', 'list']);
    expect(out).toMatch(new RegExp(`^KEY +INSTALLED +SEALS\\n${newId} +3/3 +3/3\\n$`));
  });

  it('loses nobody', async () => {
    for (const replica of replicas) {
      const { counts } = await replica.cluster.getReplicaStatus({});
      expect([counts['event.suspected'], counts['fault.packet.not-decryptable']]).toEqual([
        undefined,
        undefined,
      ]);
    }
  });
});

describe('going', () => {
  it('is a farewell, not a death', async () => {
    const leaver = await start({
      'cluster.nodeName': 'd',
      'cluster.gossip.keys': [Buffer.alloc(32, 7).toString('base64')],
      'cluster.peers': [await addressOf(at(0))],
    });
    await eventually('the fourth is known', async () => (await membersOf(at(2))).length === 4);
    replicas.pop();
    await leaver.stop();
    const seen = new Set<MemberState | undefined>();
    for (const replica of replicas)
      await eventually('it has left for everybody', async () => {
        const left = (await membersOf(replica)).find(({ name }) => name === 'd');
        seen.add(left?.state);
        return left?.state === MemberState.MEMBER_STATE_LEFT;
      });
    expect(seen).not.toContain(MemberState.MEMBER_STATE_DEAD);
  });
});

describe('a replica that runs alone', () => {
  it('is its own only member, and has no keys', async () => {
    const alone = await startReplica(database.url);
    const { members } = await alone.cluster.listMembers({});
    expect(members).toMatchObject([
      { isSelf: true, address: '', routable: true, region: 'default' },
    ]);
    expect(await alone.cluster.getReplicaStatus({})).toMatchObject({ clustered: false });
    const { code, err } = await weir(alone, ['keyring', 'list']);
    expect([code, err]).toEqual([EXIT.USAGE, expect.stringMatching(/runs alone/)]);
    await alone.stop();
  });
});

describe('a cluster that cannot be', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ 'cluster.gossip.timings.probeTimeoutMs': 1_000 }, /timings\.probeTimeoutMs: 1000 leaves no/],
    [{ 'cluster.gossip.advertiseHost': '0.0.0.0' }, /advertiseHost: .*no address that others/],
    [{ 'cluster.gossip.bindHost': 'localhost' }, /bindHost: "localhost" is not an IP address/],
    [{ 'cluster.gossip.keys': ['aGk='] }, /keys\[0\]: is no key: "weir keyring generate"/],
    [{ 'cluster.gossip.keyFile': '/nowhere', 'cluster.gossip.keys': undefined }, /keyFile: cannot/],
    [{ 'cluster.region': 'x'.repeat(600) }, /meta: \d+ bytes are over the limit.*region/],
  ])('does not start: %j', async (odd, fault) => {
    await expect(start({ 'cluster.nodeName': 'odd', ...odd })).rejects.toThrow(fault);
  });
});
