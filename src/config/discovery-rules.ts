import type { ClusterConfig } from './cluster-config.js';
import type { ConfigFault } from './config-error.js';
import type { DiscoveryConfig, DiscoveryType } from './discovery-config.js';
import { registryFaults } from './registry-rules.js';

type DiscoveryKey = keyof DiscoveryConfig;

/** Which keys each type cannot do without; of several in one entry, one is enough. */
const NEEDED: Readonly<Record<DiscoveryType, readonly (readonly DiscoveryKey[])[]>> = {
  static: [],
  dns: [['dnsNames']],
  kubernetes: [['k8sLabelSelector', 'serviceName']],
  consul: [['serviceName']],
  etcd: [['serviceName'], ['etcdEndpoints']],
  mdns: [],
  udp: [['serviceName'], ['udpBroadcastPort'], ['allowedAddressSpace']],
};

/** Keys that mean nothing to any other type. */
const OWNED: Readonly<Partial<Record<DiscoveryKey, DiscoveryType>>> = {
  dnsNames: 'dns',
  dnsServers: 'dns',
  k8sNamespace: 'kubernetes',
  k8sLabelSelector: 'kubernetes',
  consulToken: 'consul',
  consulTokenFile: 'consul',
  consulDatacenter: 'consul',
  etcdEndpoints: 'etcd',
  etcdUsername: 'etcd',
  etcdPassword: 'etcd',
  etcdPasswordFile: 'etcd',
  mdnsService: 'mdns',
  mdnsInterface: 'mdns',
  udpBroadcastPort: 'udp',
};

/** Why a key is needed, where that is not plain. */
const REASONS: Readonly<Partial<Record<DiscoveryKey, string>>> = {
  allowedAddressSpace:
    'anybody in the broadcast domain can call out, so say from which networks replicas come',
};

/** What is missing for the type, or belongs to another one. */
export function discoveryFaults(cluster: ClusterConfig): readonly ConfigFault[] {
  const { discovery } = cluster;
  if (!discovery.enabled) return [];
  const { type } = discovery;
  if (type === undefined) {
    const problem = 'is missing: say where to look, or set cluster.discovery.enabled: false';
    return [{ key: keyOf('type'), problem }];
  }
  return [
    ...missingFaults(discovery, type),
    ...foreignFaults(discovery, type),
    ...shapeFaults(cluster, type),
    ...registryFaults(discovery, type),
  ];
}

const keyOf = (key: DiscoveryKey): string => `cluster.discovery.${key}`;

const isSet = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== undefined;

function missingFaults(discovery: DiscoveryConfig, type: DiscoveryType): readonly ConfigFault[] {
  return NEEDED[type]
    .filter((keys) => !keys.some((key) => isSet(discovery[key])))
    .map(([key = 'type', ...others]) => {
      const or = others.map((other) => `, unless ${keyOf(other)} is set`).join('');
      const reason = REASONS[key] ?? 'set it';
      return { key: keyOf(key), problem: `is missing, and type ${type} needs it${or}: ${reason}` };
    });
}

/** Silently unused, it would look as if replicas were found by it. */
function foreignFaults(discovery: DiscoveryConfig, type: DiscoveryType): readonly ConfigFault[] {
  return Object.entries(OWNED)
    .filter(([key, owner]) => owner !== type && isSet(discovery[key as DiscoveryKey]))
    .map(([key, owner]) => ({
      key: keyOf(key as DiscoveryKey),
      problem: `belongs to type ${owner}, and type is ${type}: remove it, or change the type`,
    }));
}

function shapeFaults(
  { peers, gossip, discovery }: ClusterConfig,
  type: DiscoveryType,
): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (type === 'static' && peers.length === 0) {
    const problem = 'is empty, and type static needs it: list the replicas as host:port';
    faults.push({ key: 'cluster.peers', problem });
  }
  const { mdnsService, udpBroadcastPort } = discovery;
  if (
    mdnsService !== undefined &&
    !/^_[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?\._(tcp|udp)$/i.test(mdnsService)
  ) {
    const problem = 'is no service type: write it like _weir._tcp, with at most 15 letters';
    faults.push({ key: keyOf('mdnsService'), value: JSON.stringify(mdnsService), problem });
  }
  if (udpBroadcastPort !== undefined && udpBroadcastPort === gossip.port) {
    const problem = 'is the port of the gossip: give the beacons one of their own';
    faults.push({ key: keyOf('udpBroadcastPort'), value: String(udpBroadcastPort), problem });
  }
  return faults;
}
