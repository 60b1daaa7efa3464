/** What a real etcd does not do on demand. The real one is met in `test/interop/discovery`. */
import { createServer, type Socket } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { BackoffBounds } from '../../src/discovery/core/backoff.js';
import { EtcdPeerSource, type EtcdSourceOptions } from '../../src/discovery/etcd-peer-source.js';
import { eventually } from '../support/eventually.js';
import { leavesNothing } from '../support/leaks.js';
import { RecordingPeerListener } from '../support/recording-peer-listener.js';
import { ScriptedEtcd, type WatchStream } from '../support/scripted-etcd.js';
import { SHORTEST, sourceRim } from '../support/source-rim.js';

const self = { replicaId: 'me', host: '10.0.0.1', port: 7946, clusterName: 'weir', region: 'eu' };
const OWN_KEY = '/services/weir/me';
const other = (port: number): string => JSON.stringify({ host: '10.0.0.2', port });

/** However slow the machine is, a farewell is said. */
const FAREWELL_MS = 30_000;

/** For a thousand reconnections on a busy machine; an idle one needs seconds. */
const LONG_MS = 150_000;

interface Scene {
  readonly etcd: ScriptedEtcd;
  readonly seen: RecordingPeerListener;
  readonly log: () => readonly string[];
  stop(): Promise<void>;
}

const scenes: Scene[] = [];

afterEach(async () => {
  for (const scene of scenes.splice(0)) {
    await scene.stop();
    scene.etcd.stop();
  }
});

async function look(
  prepare: (etcd: ScriptedEtcd) => void = () => undefined,
  options: Partial<EtcdSourceOptions> = {},
  backoff?: BackoffBounds,
): Promise<Scene> {
  const etcd = await ScriptedEtcd.start();
  prepare(etcd);
  const rim = sourceRim(backoff);
  const settings = { serviceName: 'weir', self, requestTimeoutMs: 30_000 };
  const source = new EtcdPeerSource({ endpoints: [etcd.url], ...settings, ...options }, rim);
  const seen = new RecordingPeerListener();
  await source.start(seen);
  const scene = { etcd, seen, log: () => rim.log.lines, stop: () => source.stop(FAREWELL_MS) };
  scenes.push(scene);
  return scene;
}

const shows = ({ seen }: Scene, ...addresses: readonly string[]) =>
  eventually(`${addresses.join(', ')} are found`, () => seen.current.join() === addresses.join());

const faultOf = async (scene: Scene): Promise<string> => {
  await eventually('the fault is told', () => scene.seen.faults.length > 0);
  return scene.seen.faults[0]?.message ?? '';
};

const watches = ({ etcd }: Scene) =>
  eventually('it watches', () => etcd.watchedFrom.length > 0 && etcd.streams.size === 1);

describe('EtcdPeerSource with a scripted etcd', () => {
  it('puts its key on a lease, reads, watches what comes after, and revokes when it leaves', async () => {
    const scene = await look();
    await watches(scene);
    // The put was revision 11, which the range has seen.
    expect(scene.etcd.watchedFrom).toEqual([12n]);
    expect(JSON.parse(String(scene.etcd.keys.get(OWN_KEY)))).toEqual({
      host: '10.0.0.1',
      port: 7946,
      cluster: 'weir',
      region: 'eu',
    });
    scene.etcd.put('/services/weir/b', other(7001));
    await shows(scene, '10.0.0.1:7946', '10.0.0.2:7001');
    scene.etcd.remove('/services/weir/b');
    await shows(scene, '10.0.0.1:7946');
    await scene.stop();
    expect(scene.etcd.revoked).toBe(1);
  });

  it('ignores values that are not ours, and names each of them once', async () => {
    const scene = await look((etcd) => etcd.put('/services/weir/x', 'http://10.0.0.9'));
    await watches(scene);
    scene.etcd.put('/services/weir/x', 'still not ours');
    scene.etcd.put('/services/weir/b', other(7001));
    await shows(scene, '10.0.0.1:7946', '10.0.0.2:7001');
    const lines = scene.log().filter((line) => line.includes('/services/weir/x'));
    expect(lines).toHaveLength(1);
  });

  it('goes on from the last revision after a broken watch, without reading everything', async () => {
    const scene = await look();
    await watches(scene);
    scene.etcd.put('/services/weir/b', other(7001));
    await shows(scene, '10.0.0.1:7946', '10.0.0.2:7001');
    for (const stream of scene.etcd.streams) stream.end();
    await eventually('it watches again', () => scene.etcd.watchedFrom.length === 2);
    expect(scene.etcd.watchedFrom).toEqual([12n, 13n]);
    expect(scene.etcd.ranges).toBe(1);
    expect(scene.etcd.leases).toEqual([1n]);
  });

  it('reads everything again when its revision was compacted', async () => {
    const scene = await look((etcd) => {
      etcd.onWatch = (stream) => {
        if (etcd.watchedFrom.length > 1) etcd.created(stream);
        else etcd.send(stream, { canceled: true, compactRevision: 99n });
      };
    });
    await eventually('it has read twice', () => scene.etcd.ranges === 2);
    expect(scene.seen.faults).toEqual([]);
  });

  it.each<[string, (etcd: ScriptedEtcd) => void]>([
    ['restored from a backup', (etcd) => (etcd.revision = 3n)],
    ['another cluster', (etcd) => (etcd.clusterId = 2n)],
  ])('reads everything again when the store is %s', async (_, change) => {
    const scene = await look();
    await watches(scene);
    scene.etcd.fails = (method) =>
      method === 'put' ? { code: status.UNAVAILABLE, details: 'away' } : undefined;
    for (const stream of scene.etcd.streams) stream.end();
    await faultOf(scene);
    change(scene.etcd);
    scene.etcd.keys.clear();
    scene.etcd.fails = () => undefined;
    await eventually('it has read twice', () => scene.etcd.ranges === 2);
    await shows(scene, '10.0.0.1:7946');
  });

  it('makes a new lease when the old one has run out', async () => {
    let isLost = false;
    const scene = await look(
      (etcd) => {
        etcd.renewedTtl = () => (isLost && etcd.leases.length === 1 ? 0n : 30n);
      },
      { leaseTtlSeconds: 1 },
    );
    await watches(scene);
    isLost = true;
    await eventually('there is a new lease', () => scene.etcd.leases.length >= 2);
    await scene.seen.tells(/the lease ran out before it was renewed/);
    await shows(scene, '10.0.0.1:7946');
  });

  it('puts its key again when somebody has deleted it', async () => {
    const scene = await look();
    await watches(scene);
    scene.etcd.remove(OWN_KEY);
    await eventually('it is there again', () => scene.etcd.keys.has(OWN_KEY));
    expect(scene.etcd.leases).toEqual([1n]);
  });

  it('leaves a member that no longer renews the lease', async () => {
    const second = await ScriptedEtcd.start();
    try {
      const scene = await look((etcd) => (etcd.renewedTtl = () => undefined), {
        leaseTtlSeconds: 1,
      });
      await scene.seen.tells(/etcd at 127\.0\.0\.1:\d+: .*(Cancelled|CANCELLED)/);
    } finally {
      second.stop();
    }
  });

  it('goes to the next member when one is away, and to one that is silent never twice in a row', async () => {
    const connected = new Set<Socket>();
    const silent = createServer((socket) => {
      connected.add(socket);
      // Read, or the end of the other side would never be seen.
      socket.resume().on('close', () => connected.delete(socket));
    });
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const etcd = await ScriptedEtcd.start();
    const endpoints = ['http://127.0.0.1:1', `http://127.0.0.1:${port}`, etcd.url];
    const scene = await look(undefined, { endpoints, requestTimeoutMs: 300 });
    await eventually('it has got through', () => scene.seen.answers.length > 0);
    await scene.stop();
    expect(etcd.revoked).toBe(1);
    etcd.stop();
    await eventually('the silent member is let go', () => connected.size === 0);
    await new Promise((resolve) => silent.close(resolve));
  });

  it.each([
    [
      status.INVALID_ARGUMENT,
      'etcdserver: user name is empty',
      /set cluster.discovery.etcdUsername/,
    ],
    [status.PERMISSION_DENIED, 'etcdserver: permission denied', /a role with readwrite/],
    [status.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded', /RESOURCE_EXHAUSTED/],
  ])('tells %i in the words of etcd, and what to do', async (code, details, advice) => {
    const scene = await look((etcd) => (etcd.fails = () => ({ code, details })));
    const fault = await faultOf(scene);
    expect(fault).toContain(details);
    expect(fault).toMatch(advice);
    expect(scene.seen.answers).toEqual([]);
  });

  it('logs in for every session, with the password of the moment', async () => {
    const passwords = ['first', 'second'];
    const password = () => Promise.resolve(passwords.shift() ?? 'last');
    const scene = await look(undefined, { username: 'weir', password });
    await watches(scene);
    for (const stream of scene.etcd.streams) stream.end();
    await eventually('it has logged in again', () => scene.etcd.tokens.size === 2);
    expect([...scene.etcd.tokens]).toEqual(['token-for-first', 'token-for-second']);
  });

  it('goes on without a login where the server asks nobody', async () => {
    const password = () => Promise.resolve('x');
    const scene = await look(
      (etcd) => {
        const details = 'etcdserver: authentication is not enabled';
        etcd.fails = (method) =>
          method === 'authenticate' ? { code: status.FAILED_PRECONDITION, details } : undefined;
      },
      { username: 'weir', password },
    );
    await shows(scene, '10.0.0.1:7946');
  });

  it('refuses an answer without bounds', async () => {
    const scene = await look((etcd) => {
      for (let i = 0; i < 60; i++) etcd.keys.set(`/services/weir/${i}`, Buffer.alloc(100_000, 'x'));
    });
    expect(await faultOf(scene)).toMatch(/larger than max|RESOURCE_EXHAUSTED/);
  });

  it(
    'keeps neither sockets nor timers nor memory over 1,000 reconnections',
    async () => {
      const scene = await look(
        (etcd) => {
          const ways = [
            (stream: WatchStream) => void stream.emit('error', { code: status.UNAVAILABLE }),
            (stream: WatchStream) => void stream.end(),
            (stream: WatchStream) => etcd.send(stream, { canceled: true, cancelReason: 'tired' }),
          ];
          etcd.onWatch = (stream) => ways[etcd.watchedFrom.length % ways.length]?.(stream);
        },
        {},
        SHORTEST,
      );
      const sessions = () => scene.etcd.watchedFrom.length;
      await leavesNothing({
        warm: () => eventually('it is warm', () => sessions() >= 200, LONG_MS),
        run: () => eventually('there were 1,000 more', () => sessions() >= 1_200, LONG_MS),
        stop: () => scene.stop(),
      });
      expect(scene.etcd.leases).toHaveLength(1);
    },
    2 * LONG_MS,
  );
});
