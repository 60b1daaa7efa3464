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
      const port = Number(node.address.split(':').at(-1));
      const source = new MemoryPeerSource(registry, replica(index, '127.0.0.1', port));
      await drive(source, new GossipPeerJoiner(node.service));
    };
    try {
      for (const index of [0, 1, 2]) await start(index);
      const isWhole = () => nodes.every((node) => node.memberNames().length === nodes.length);
      await eventually('all three are one', isWhole, 5_000);
      registry.setUp(false);
      await start(3);
      registry.setUp(true);
      await eventually('the fourth is found when the registry is back', isWhole, 10_000);
    } finally {
      for (const node of nodes) await node.stop();
    }
  });
});
