/**
 * One replica's discovery in a process of its own, so that it can live in a network namespace and be
 * killed. It is run as compiled, with its order as the only argument; says what happens on standard
 * output, a JSON document a line; and leaves on SIGTERM.
 */
import 'reflect-metadata';
import { gossipKeys } from '../../../src/cluster/gossip-keys.js';
import { GossipPeerJoiner } from '../../../src/cluster/gossip-peer-joiner.js';
import { AllowedNetworks } from '../../../src/common/allowed-networks.js';
import { addressText } from '../../../src/common/ip-address.js';
import { SystemClock } from '../../../src/common/system-clock.js';
import { SystemRandom } from '../../../src/common/system-random.js';
import type { ClusterConfig } from '../../../src/config/cluster-config.js';
import { loadConfig } from '../../../src/config/load-config.js';
import { ConfiguredPeerSources } from '../../../src/discovery/configured-peer-sources.js';
import { DiscoveryDriver } from '../../../src/discovery/discovery.driver.js';
import type { SelfAnnouncement } from '../../../src/discovery/peer-source.js';
import { GossipService } from '../../../src/gossip/gossip.service.js';
import { NodeGossipTransport } from '../../../src/gossip/node-gossip-transport.js';
import { RecordingGossipDelegate } from '../../../src/gossip/recording-gossip-delegate.js';

export interface ReplicaChildOrder {
  /** Of a `weir.yaml`. */
  readonly configFile: string;
  readonly self: SelfAnnouncement;
  /** `source` only looks and announces; `replica` gossips, too. */
  readonly mode: 'source' | 'replica';
}

/** However slow the machine is, a farewell is said. */
const FAREWELL_MS = 20_000;

const say = (event: object): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

const ignored = (_fields: object, _message: string): void => undefined;
const told =
  (level: string) =>
  (fields: object, message: string): void =>
    say({ event: 'log', level, message, ...fields });

const clock = new SystemClock();
const random = new SystemRandom();
const log = { debug: ignored, info: told('info'), warn: told('warn'), error: told('error') };

const sourcesOf = (cluster: ClusterConfig, self: SelfAnnouncement) =>
  new ConfiguredPeerSources(cluster, { clock, random, log }).make({
    self,
    keys: () => gossipKeys(cluster.gossip),
  });

async function runSource(cluster: ClusterConfig, self: SelfAnnouncement) {
  const [source] = sourcesOf(cluster, self);
  if (source === undefined) throw new Error('the configuration has no source');
  await source.start({
    found: (peers) => say({ event: 'found', peers }),
    failed: (fault) => say({ event: 'failed', ...fault }),
  });
  return () => source.stop(FAREWELL_MS);
}

async function runReplica(cluster: ClusterConfig, self: SelfAnnouncement) {
  const { allowedAddressSpace } = cluster.discovery;
  const gossip = new GossipService(
    {
      name: self.replicaId,
      bindHost: self.host,
      port: self.port,
      preset: 'lan',
      allowedAddressSpace,
      keys: gossipKeys(cluster.gossip),
    },
    {
      transport: new NodeGossipTransport(),
      delegate: new RecordingGossipDelegate(),
      clock,
      random,
    },
  );
  await gossip.start();
  const driver = new DiscoveryDriver(
    sourcesOf(cluster, self),
    new GossipPeerJoiner(gossip),
    new AllowedNetworks(allowedAddressSpace),
    { clock, random, log },
  );
  await driver.start();
  const timer = setInterval(() => {
    const up = gossip.members().filter(({ state }) => state === 'alive');
    const now = clock.monoNow();
    say({
      event: 'members',
      names: up.map(({ name }) => name).toSorted(),
      hosts: up.map(({ addr }) => addressText(addr)).toSorted(),
      sources: driver.peers.sources(now),
      counts: driver.peers.counts(now),
    });
  }, 100);
  return async () => {
    clearInterval(timer);
    await driver.stop(FAREWELL_MS);
    await gossip.leave(FAREWELL_MS);
    await gossip.stop();
  };
}

const order = JSON.parse(process.argv[2] ?? '') as ReplicaChildOrder;
const { cluster } = loadConfig({ file: order.configFile, env: {}, cwd: process.cwd() }).config;
const run = order.mode === 'source' ? runSource : runReplica;
const stop = await run(cluster, order.self);
process.once('SIGTERM', () => void stop().then(() => say({ event: 'stopped' })));
say({ event: 'started' });
