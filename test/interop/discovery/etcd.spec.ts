/** The source `etcd` against etcd itself: what only the real one can show. */
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { EtcdPeerSource, type EtcdSourceOptions } from '../../../src/discovery/etcd-peer-source.js';
import { EtcdServer } from '../../support/discovery/etcd-server.js';
import { describeWith } from '../../support/discovery/needs.js';
import { RECONNECTING_MS, reconnects } from '../../support/discovery/reconnections.js';
import { TcpGate } from '../../support/discovery/tcp-gate.js';
import { eventually } from '../../support/eventually.js';
import { RecordingPeerListener } from '../../support/recording-peer-listener.js';
import { SHORTEST, sourceRim } from '../../support/source-rim.js';

jest.setTimeout(300_000);

const PREFIX = '/services/weir/';

/** A farewell needs a login, which is slow on purpose. */
const STOP_MS = 20_000;

/** How long the server stays away: a minute by hand, less where every change waits for it. */
const AWAY_MS = Number(process.env['AWAY_SECONDS'] ?? 5) * 1_000;

const announcement = (name: string, port: number) => ({
  replicaId: name,
  host: '127.0.0.1',
  port,
  clusterName: 'weir',
  region: 'eu',
});

interface Replica {
  readonly seen: RecordingPeerListener;
  stop(): Promise<void>;
}

describeWith({ programs: ['go'] }, 'etcd', () => {
  let etcd: EtcdServer;
  const running: Replica[] = [];

  beforeAll(async () => {
    etcd = await EtcdServer.make();
    await etcd.start();
  }, 900_000);

  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.stop()));
  });

  afterAll(() => etcd.remove());

  async function replica(
    port: number,
    options: Partial<EtcdSourceOptions> = {},
    backoff?: Parameters<typeof sourceRim>[0],
  ): Promise<Replica> {
    const source = new EtcdPeerSource(
      {
        endpoints: [etcd.url],
        serviceName: 'weir',
        self: announcement(`r${port}`, port),
        requestTimeoutMs: 5_000,
        leaseTtlSeconds: 3,
        ...options,
      },
      sourceRim(backoff),
    );
    const seen = new RecordingPeerListener();
    await source.start(seen);
    const started = { seen, stop: () => source.stop(STOP_MS) };
    running.push(started);
    return started;
  }

  const shows = ({ seen }: Replica, ...ports: readonly number[]) =>
    seen.shows(ports.map((port) => `127.0.0.1:${port}`));

  it('shows who comes and who leaves, at once', async () => {
    const first = await replica(7001);
    const second = await replica(7002);
    for (const one of [first, second]) await shows(one, 7001, 7002);
    await second.stop();
    await shows(first, 7001);
    expect(await etcd.keys(PREFIX)).toEqual([`${PREFIX}r7001`]);
  });

  it('goes on after a server that was killed and came back', async () => {
    const first = await replica(7001);
    const second = await replica(7002);
    await shows(first, 7001, 7002);
    await etcd.kill();
    await eventually('the fault is told', () => first.seen.faults.length > 0);
    expect(first.seen.current).toHaveLength(2);
    const backAt = performance.now() + AWAY_MS;
    await eventually('it was away', () => performance.now() > backAt, AWAY_MS + 10_000);
    await etcd.start();
    const third = await replica(7003);
    for (const one of [first, second, third]) await shows(one, 7001, 7002, 7003);
  });

  it('makes its lease again when somebody has revoked it', async () => {
    const first = await replica(7001);
    const second = await replica(7002);
    await shows(first, 7001, 7002);
    const before = await etcd.leases();
    await etcd.revokeLeases();
    await eventually('both have a new lease, and their keys are back', async () => {
      const made = (await etcd.leases()).filter((id) => !before.includes(id));
      return made.length >= 2 && (await etcd.keys(PREFIX)).length === 2;
    });
    for (const one of [first, second]) await shows(one, 7001, 7002);
  });

  it('drops who cannot renew its lease, and takes it back with a new one', async () => {
    const gate = await TcpGate.to(etcd.url);
    const first = await replica(7001);
    const second = await replica(7002, { endpoints: [gate.url] });
    for (const one of [first, second]) await shows(one, 7001, 7002);
    gate.shut();
    await shows(first, 7001);
    expect(second.seen.current).toHaveLength(2);
    gate.open();
    await shows(first, 7001, 7002);
    await shows(second, 7001, 7002);
    await second.stop();
    await gate.close();
  });

  it('reads everything again when what it missed was compacted', async () => {
    const gate = await TcpGate.to(etcd.url);
    const first = await replica(7001, { endpoints: [gate.url], self: undefined });
    const second = await replica(7002);
    await shows(first, 7002);
    gate.shut();
    await eventually('the fault is told', () => first.seen.faults.length > 0);
    await second.stop();
    await replica(7003);
    for (let i = 0; i < 20; i++) await etcd.put('/elsewhere', String(i));
    await etcd.compact(await etcd.revision());
    gate.open();
    await shows(first, 7003);
    await first.stop();
    await gate.close();
  });

  it('starts anew on a server that has forgotten everything', async () => {
    const first = await replica(7001);
    const second = await replica(7002);
    await shows(first, 7001, 7002);
    for (let i = 0; i < 20; i++) await etcd.put('/elsewhere', String(i));
    await etcd.kill();
    etcd.forget();
    await etcd.start();
    for (const one of [first, second]) await shows(one, 7001, 7002);
    await eventually('both are there', async () => (await etcd.keys(PREFIX)).length === 2);
  });

  it('ignores what others write below its prefix', async () => {
    const first = await replica(7001);
    await etcd.put(`${PREFIX}stranger`, 'not ours');
    await etcd.put(`${PREFIX}neighbour`, '{"host":"127.0.0.1","port":7009}');
    await shows(first, 7001, 7009);
    await etcd.delete(`${PREFIX}neighbour`);
    await etcd.delete(`${PREFIX}stranger`);
    await shows(first, 7001);
  });

  it('leaves a server that is up and says nothing, for one that answers', async () => {
    const other = await EtcdServer.make();
    await other.start();
    try {
      other.pause();
      const endpoints = [other.url, etcd.url];
      const first = await replica(7001, { endpoints, requestTimeoutMs: 2_000 });
      await shows(first, 7001);
    } finally {
      other.resume();
      await other.remove();
    }
  });

  it(
    'keeps neither sockets nor timers nor memory over hundreds of reconnections',
    async () => {
      const gate = await TcpGate.to(etcd.url);
      const first = await replica(7001, { endpoints: [gate.url] }, SHORTEST);
      await reconnects(gate, first);
    },
    RECONNECTING_MS,
  );
});

describeWith({ programs: ['go'] }, 'etcd that asks who is there', () => {
  let etcd: EtcdServer;

  beforeAll(async () => {
    etcd = await EtcdServer.make();
    await etcd.start();
    await etcd.addUserOf(PREFIX, 'weir', 'right');
    await etcd.addUserOf('/services/other/', 'other', 'right');
    await etcd.enableAuth();
  }, 900_000);

  afterAll(() => etcd.remove());

  async function look(username: string | undefined, password: () => string) {
    const source = new EtcdPeerSource(
      {
        endpoints: [etcd.url],
        serviceName: 'weir',
        self: announcement('r1', 7001),
        username,
        password: () => Promise.resolve(password()),
        requestTimeoutMs: 5_000,
      },
      sourceRim(),
    );
    const seen = new RecordingPeerListener();
    await source.start(seen);
    return { seen, stop: () => source.stop(STOP_MS) };
  }

  it.each([
    ['nobody', undefined, 'x', /user name is empty.*set cluster.discovery.etcdUsername/],
    ['a wrong password', 'weir', 'wrong', /authentication failed.*check cluster.discovery/],
    ['a user of another service', 'other', 'right', /permission denied.*readwrite/],
  ])('refuses %s, and it is told why', async (_, username, password, words) => {
    const { seen, stop } = await look(username, () => password);
    await seen.tells(words);
    expect(seen.answers).toEqual([]);
    await stop();
  });

  it('lets the right one in, also after a restart that has forgotten all tokens, and with a new password', async () => {
    let password = 'right';
    const { seen, stop } = await look('weir', () => password);
    await eventually('it has found itself', () => seen.current.length === 1);
    const isBack = async (): Promise<void> => {
      await etcd.kill();
      const before = seen.answers.length;
      await etcd.start();
      await eventually('it has found itself again', () => seen.answers.length > before);
    };
    await isBack();
    await etcd.logIn();
    await etcd.changePassword('weir', 'newer');
    password = 'newer';
    await isBack();
    await etcd.logIn();
    await stop();
    await eventually('its key is gone', async () => (await etcd.keys(PREFIX)).length === 0);
  });
});
