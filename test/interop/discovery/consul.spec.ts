/** The source `consul` against Consul itself: what only the real one can show. */
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import {
  ConsulPeerSource,
  type ConsulSourceOptions,
} from '../../../src/discovery/consul-peer-source.js';
import { ConsulServer } from '../../support/discovery/consul-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RECONNECTING_MS, reconnects } from '../../support/discovery/reconnections.js';
import { TcpGate } from '../../support/discovery/tcp-gate.js';
import { eventually } from '../../support/eventually.js';
import { ownHost } from '../../support/own-host.js';
import { RecordingPeerListener } from '../../support/recording-peer-listener.js';
import { SHORTEST, sourceRim } from '../../support/source-rim.js';

jest.setTimeout(300_000);

const NEEDS = { programs: ['apt-get', 'dpkg-deb'] };

/** How long the server stays away: a minute by hand, less where every change waits for it. */
const AWAY_MS = Number(process.env['AWAY_SECONDS'] ?? 5) * 1_000;

/** A server that restarts needs an election before it answers. */
const CONSUL_MS = 120_000;

const announcement = (name: string, port: number) => ({
  replicaId: name,
  host: '127.0.0.1',
  port,
  clusterName: 'weir',
  region: 'eu',
});

interface Replica {
  readonly seen: RecordingPeerListener;
  readonly log: readonly string[];
  stop(): Promise<void>;
}

const shows = ({ seen }: Replica, ...ports: readonly number[]) =>
  seen.shows(
    ports.map((port) => `127.0.0.1:${port}`),
    CONSUL_MS,
  );

const running: Replica[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

async function replica(
  address: string,
  port: number,
  options: Partial<ConsulSourceOptions> = {},
  backoff?: Parameters<typeof sourceRim>[0],
): Promise<Replica> {
  const rim = sourceRim(backoff);
  const self = announcement(`r${port}`, port);
  const settings = { address, serviceName: 'weir', self, requestTimeoutMs: 5_000 };
  const source = new ConsulPeerSource({ ...settings, ...options }, rim);
  const seen = new RecordingPeerListener();
  await source.start(seen);
  const started = { seen, log: rim.log.lines, stop: () => source.stop(20_000) };
  running.push(started);
  return started;
}

describeWith(NEEDS, 'Consul', () => {
  let consul: ConsulServer;

  beforeAll(async () => {
    consul = await ConsulServer.make({ acl: false });
    await consul.start();
  }, 900_000);

  afterAll(() => consul.remove());

  it('shows who comes and who leaves, at once', async () => {
    const first = await replica(consul.url, 7001);
    const second = await replica(consul.url, 7002);
    for (const one of [first, second]) await shows(one, 7001, 7002);
    expect(await consul.services()).toContainEqual(
      expect.objectContaining({
        ID: 'weir-r7001',
        Service: 'weir',
        Address: '127.0.0.1',
        Port: 7001,
        Tags: ['region=eu'],
        Meta: { cluster: 'weir', region: 'eu', turn: expect.any(String) },
      }),
    );
    await second.stop();
    await shows(first, 7001);
    expect((await consul.services()).map(({ ID }) => ID)).not.toContain('weir-r7002');
  });

  it('goes on after a server that was killed and came back', async () => {
    const first = await replica(consul.url, 7001);
    const second = await replica(consul.url, 7002);
    await shows(first, 7001, 7002);
    await consul.kill();
    await eventually('the fault is told', () => first.seen.faults.length > 0, CONSUL_MS);
    expect(first.seen.current).toHaveLength(2);
    const backAt = performance.now() + AWAY_MS;
    await eventually('it was away', () => performance.now() > backAt, AWAY_MS + 10_000);
    await consul.start();
    const third = await replica(consul.url, 7003);
    for (const one of [first, second, third]) await shows(one, 7001, 7002, 7003);
  });

  it('registers again with a server that has forgotten everything', async () => {
    const first = await replica(consul.url, 7001);
    const second = await replica(consul.url, 7002);
    await shows(first, 7001, 7002);
    await consul.kill();
    consul.forget();
    await consul.start();
    for (const one of [first, second]) await shows(one, 7001, 7002);
  });

  it('registers again when somebody has deregistered it', async () => {
    const first = await replica(consul.url, 7001);
    await shows(first, 7001);
    await consul.deregister('weir-r7001');
    await eventually(
      'it is there again',
      async () => (await consul.services()).some(({ ID }) => ID === 'weir-r7001'),
      CONSUL_MS,
    );
    await shows(first, 7001);
  });

  it('takes the address of the node for an instance without one', async () => {
    const first = await replica(consul.url, 7001);
    await consul.registerForeign({ ID: 'weir-homeless', Name: 'weir', Address: '', Port: 7009 });
    await first.seen.shows(['127.0.0.1:7001', `${ownHost()}:7009`], CONSUL_MS);
    await consul.registerForeign({ ID: 'weir-homeless', Name: 'weir', Address: '', Port: 0 });
    await shows(first, 7001);
    expect(first.log.join()).toContain('has no address and port; ignored {"id":"weir-homeless"}');
    await consul.deregister('weir-homeless');
  });

  it('says so when the datacentre does not exist', async () => {
    const { seen } = await replica(consul.url, 7001, { datacenter: 'nowhere' });
    await seen.tells(/reading weir failed \(500 No path to datacenter/);
  });

  it(
    'keeps neither sockets nor timers nor memory over hundreds of reconnections',
    async () => {
      const gate = await TcpGate.to(consul.url);
      const first = await replica(gate.url, 7001, {}, SHORTEST);
      await reconnects(gate, first);
    },
    RECONNECTING_MS,
  );
});

describeWith(NEEDS, 'Consul with access control', () => {
  let consul: ConsulServer;

  beforeAll(async () => {
    consul = await ConsulServer.make({ acl: true });
    await consul.start();
  }, 900_000);

  afterAll(() => consul.remove());

  const withToken = (token: string) => ({ token: () => Promise.resolve(token) });

  it('refuses nobody, a wrong token and one without the right, and it is told why', async () => {
    const reader = await consul.makeToken('service "weir" { policy = "read" }');
    const cases: readonly (readonly [Partial<ConsulSourceOptions>, RegExp])[] = [
      [{}, /registering weir failed \(403 .*the token needs service:write on "weir"/],
      [
        withToken('00000000-dead-dead-dead-000000000000'),
        /registering weir failed \(403 .*(ACL not found|token does not exist)/,
      ],
      [withToken(reader), /registering weir failed \(403 .*service:write/],
    ];
    for (const [options, words] of cases) {
      const { seen } = await replica(consul.url, 7001, options);
      await seen.tells(words);
      expect(seen.answers).toEqual([]);
    }
  });

  it('hides instances from a token that may not read nodes, which is not taken for an empty cluster', async () => {
    const blind = await consul.makeToken('service "weir" { policy = "write" }');
    const { seen } = await replica(consul.url, 7001, withToken(blind));
    await seen.tells(/Consul (hides instances|does not show it).*node:read/);
    expect(seen.current).toEqual([]);
  });

  it('lets the right token in, and takes a new one without a restart', async () => {
    const rules = 'service "weir" { policy = "write" } node_prefix "" { policy = "read" }';
    let token = 'wrong';
    const options = { token: () => Promise.resolve(token) };
    const first = await replica(consul.url, 7001, options);
    await eventually('the fault is told', () => first.seen.faults.length > 0);
    token = await consul.makeToken(rules);
    await shows(first, 7001);
    const second = await replica(consul.url, 7002, options);
    await shows(second, 7001, 7002);
  });
});
