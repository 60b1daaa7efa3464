import type { ConfigFault } from './config-error.js';
import { discoveryFaults } from './discovery-rules.js';
import type { WeirConfig } from './weir-config.js';

/** What no single knob of the cluster can know. */
export function clusterFaults(
  config: WeirConfig,
  given: ReadonlySet<string>,
): readonly ConfigFault[] {
  return [
    ...keyFaults(given),
    ...tlsFaults(given),
    ...(config.cluster.enabled
      ? [...databaseFaults(given), ...discoveryFaults(config.cluster)]
      : []),
  ];
}

/** One database server for one replica: counts and money of two would drift apart. */
function databaseFaults(given: ReadonlySet<string>): readonly ConfigFault[] {
  if (given.has('storage.postgres.url') || given.has('storage.postgres.host')) return [];
  return [
    {
      key: 'cluster.enabled',
      value: 'true',
      problem:
        'needs a PostgreSQL that all replicas share, and the embedded one belongs to a single ' +
        'replica: set storage.postgres.host (or storage.postgres.url) on each of them',
    },
  ];
}

function keyFaults(given: ReadonlySet<string>): readonly ConfigFault[] {
  if (!given.has('cluster.gossip.keys') || !given.has('cluster.gossip.keyFile')) return [];
  const problem = 'cannot be set together with cluster.gossip.keys: keep one';
  return [{ key: 'cluster.gossip.keyFile', problem }];
}

function tlsFaults(given: ReadonlySet<string>): readonly ConfigFault[] {
  const keys = ['certFile', 'keyFile', 'caFile'].map((name) => `cluster.grpc.tls.${name}`);
  const missing = keys.filter((key) => !given.has(key));
  if (missing.length === 0 || missing.length === keys.length) return [];
  return missing.map((key) => ({
    key,
    problem: 'is missing: replicas prove themselves to each other, so all three files are needed',
  }));
}
