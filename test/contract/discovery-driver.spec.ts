import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { GossipPeerJoiner } from '../../src/cluster/gossip-peer-joiner.js';
import { AllowedNetworks } from '../../src/common/allowed-networks.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { SystemRandom } from '../../src/common/system-random.js';
import { DiscoveryDriver } from '../../src/discovery/discovery.driver.js';
import { MemoryPeerJoiner } from '../../src/discovery/memory-peer-joiner.js';
import { MemoryPeerRegistry, MemoryPeerSource } from '../../src/discovery/memory-peer-source.js';
import type { PeerJoiner } from '../../src/discovery/peer-joiner.js';
import type { PeerSource, SelfAnnouncement } from '../../src/discovery/peer-source.js';
import { WeirNode } from '../interop/memberlist/weir-node.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';

const replica = (index: number, host: string, port = 7946): SelfAnnouncement => ({
  replicaId: `r${index}`,
  host,
  port,
  clusterName: 'weir',
  region: 'here',
});

const log = new RecordingLog();
const drivers: DiscoveryDriver[] = [];

async function drive(
  source: PeerSource,
  joiner: PeerJoiner,
  space: readonly string[] = [],
): Promise<DiscoveryDriver> {
  const rim = { clock: new SystemClock(), random: new SystemRandom(), log };
  const driver = new DiscoveryDriver([source], joiner, new AllowedNetworks(space), rim);
  drivers.push(driver);
  await driver.start();
  return driver;
}

const portOf = (node: WeirNode): number => Number(node.address.split(':').at(-1));

/** A TCP port that belongs to something else. */
async function stranger(greet: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port, stop };
}

afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.stop(1_000);
});

describe('DiscoveryDriver', () => {
  it('joins whoever is inside the space, never one outside, and says so once', async () => {
    const registry = new MemoryPeerRegistry();
    registry.put(replica(1, '10.0.0.1'));
    registry.put(replica(2, '192.0.2.1'));
    const joiner = new MemoryPeerJoiner(new Set(['10.0.0.1:7946', '192.0.2.1:7946']));
    const driver = await drive(new MemoryPeerSource(registry, replica(0, '10.0.0.9')), joiner, [
      '10.0.0.0/8',
    ]);
    await eventually('the one inside is joined', () => joiner.live.has('10.0.0.1:7946'));
    registry.put(replica(3, '10.0.0.3'));
    await eventually('the next one is called', () => joiner.calls.includes('10.0.0.3:7946'));
    expect(joiner.calls).not.toContain('192.0.2.1:7946');
    expect(driver.peers.counts(new SystemClock().monoNow())).toMatchObject({ refused: 1 });
    const refusals = log.lines.filter((line) => line.includes('outside'));
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toContain('cluster.discovery.allowedAddressSpace');
  });

  it('calls again until somebody is there, and leaves no timer behind', async () => {
    const registry = new MemoryPeerRegistry();
    registry.put(replica(1, '10.0.0.1'));
    const answers = new Set<string>();
    const joiner = new MemoryPeerJoiner(answers);
    const driver = await drive(new MemoryPeerSource(registry, replica(0, '10.0.0.9')), joiner);
    await eventually('it has been called', () => joiner.calls.includes('10.0.0.1:7946'));
    answers.add('10.0.0.1:7946');
    await eventually('it is joined', () => joiner.live.has('10.0.0.1:7946'));
    await driver.stop(1_000);
    const calls = joiner.calls.length;
    registry.put(replica(5, '10.0.0.5'));
    expect(joiner.calls).toHaveLength(calls);
  });

  it('makes one cluster of replicas that gossip, and mends it when one comes back elsewhere', async () => {
    const registry = new MemoryPeerRegistry();
    const nodes: WeirNode[] = [];
    const start = async (index: number) => {
      const node = await WeirNode.start(`r${index}`, { preset: 'local' });
      nodes.push(node);
      const port = portOf(node);
      const source = new MemoryPeerSource(registry, replica(index, '127.0.0.1', port));
      await drive(source, new GossipPeerJoiner(node.service));
    };
    try {
      for (const index of [0, 1, 2]) await start(index);
      const isWhole = () => nodes.every((node) => node.memberNames().length === nodes.length);
      await eventually('all three are one', isWhole, 60_000);
      registry.setUp(false);
      await start(3);
      registry.setUp(true);
      await eventually('the fourth is found when the registry is back', isWhole, 60_000);
    } finally {
      for (const node of nodes) await node.stop();
    }
  });

  it('stays alone where a name means only ourselves, and calls nobody', async () => {
    const node = await WeirNode.start('r0', { preset: 'local' });
    try {
      const registry = new MemoryPeerRegistry();
      const self = replica(0, '127.0.0.1', portOf(node));
      const driver = await drive(
        new MemoryPeerSource(registry, self),
        new GossipPeerJoiner(node.service),
      );
      const counts = () => driver.peers.counts(new SystemClock().monoNow());
      await eventually('it is seen that somebody is up there', () => counts().alive === 1);
      expect(counts()).toMatchObject({ proposed: 1, joinedTotal: 0, joinFailedTotal: 0 });
      expect(node.memberNames()).toEqual(['r0']);
    } finally {
      await node.stop();
    }
  });

  it('finds the one replica among loopback, the port of somebody else, and one that says nothing', async () => {
    const first = await WeirNode.start('r0', { preset: 'local' });
    const second = await WeirNode.start('r1', { preset: 'local' });
    const nodes = [first, second];
    const strangers = [
      await stranger((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      await stranger(() => undefined),
    ];
    try {
      const registry = new MemoryPeerRegistry();
      strangers.forEach(({ port }, index) => registry.put(replica(7 + index, '127.0.0.1', port)));
      // Loopback, too, but nobody listens there.
      registry.put(replica(9, '127.0.0.9', portOf(second)));
      registry.put(replica(1, '127.0.0.1', portOf(second)));
      const source = new MemoryPeerSource(registry, replica(0, '127.0.0.1', portOf(first)));
      const driver = await drive(source, new GossipPeerJoiner(first.service));
      const counts = () => driver.peers.counts(new SystemClock().monoNow());
      await eventually('the two meet', () =>
        nodes.every((node) => node.memberNames().join() === 'r0,r1'),
      );
      await eventually(
        'the others are called in vain',
        () => counts().joinFailedTotal >= 3,
        60_000,
      );
      for (const node of nodes) expect(node.memberNames()).toEqual(['r0', 'r1']);
      expect(counts()).toMatchObject({ proposed: 5, alive: 2 });
    } finally {
      for (const node of nodes) await node.stop();
      for (const { stop } of strangers) await stop();
    }
  });
});
