import type { ClusterConfig } from '../config/cluster-config.js';
import { ConfigError } from '../config/config-error.js';
import { durationMs } from '../config/duration.js';
import type { DiscoveryType } from '../config/discovery-config.js';
import { present } from '../common/assert.js';
import { DnsNameResolver } from './dns-name-resolver.js';
import { LookupNameResolver } from './lookup-name-resolver.js';
import { MdnsPeerSource } from './mdns-peer-source.js';
import { NamePeerSource } from './name-peer-source.js';
import type { DiscoveryRim } from './discovery.driver.js';
import type { PeerSource } from './peer-source.js';
import { PeerSources, type ReplicaSide } from './peer-sources.js';
import { consulSource, etcdSource, kubernetesSource } from './registry-sources.js';
import { UdpPeerSource } from './udp-peer-source.js';
import { AllowedNetworks } from '../common/allowed-networks.js';

/** What a source is made of. */
export interface SourceParts {
  readonly cluster: ClusterConfig;
  readonly rim: DiscoveryRim;
  /** Gossip port of addresses that bring none. */
  readonly defaultPort: number;
  /** Milliseconds that one question may take. */
  readonly timeoutMs: number;
  readonly side: ReplicaSide;
}

type MakeSource = (parts: SourceParts) => PeerSource;

/** One line for each type of `cluster.discovery.type`; `static` is `cluster.peers`, which need no line. */
const MAKERS: Readonly<Partial<Record<DiscoveryType, MakeSource>>> = {
  dns: ({ cluster, rim, defaultPort, timeoutMs }) =>
    new NamePeerSource(
      {
        type: 'dns',
        setting: 'cluster.discovery.dnsNames',
        names: cluster.discovery.dnsNames,
        defaultPort,
        makeResolver: () => new DnsNameResolver({ timeoutMs, ...dnsServers(cluster) }),
      },
      rim,
    ),
  mdns: ({ cluster, rim, side }) =>
    new MdnsPeerSource(
      {
        service: mdnsService(cluster),
        clusterName: cluster.name,
        networkInterface: cluster.discovery.mdnsInterface,
        self: side.self,
      },
      rim,
    ),
  udp: ({ cluster, rim, side }) =>
    new UdpPeerSource(
      {
        serviceName: set(cluster.discovery.serviceName),
        clusterName: cluster.name,
        port: set(cluster.discovery.udpBroadcastPort),
        allowed: new AllowedNetworks(cluster.discovery.allowedAddressSpace),
        ...side,
      },
      rim,
    ),
  consul: consulSource,
  etcd: etcdSource,
  kubernetes: kubernetesSource,
};

const set = <T>(value: T | undefined): T => present(value, 'the settings have been checked');

/** `cluster.peers`, and beside them what `cluster.discovery` names: both are used. */
export class ConfiguredPeerSources extends PeerSources {
  constructor(
    private readonly cluster: ClusterConfig,
    private readonly rim: DiscoveryRim,
  ) {
    super();
  }

  make(side: ReplicaSide): readonly PeerSource[] {
    const { peers, discovery, gossip } = this.cluster;
    const { type } = discovery;
    const parts: SourceParts = {
      cluster: this.cluster,
      rim: this.rim,
      defaultPort: discovery.bindPort ?? side.self?.port ?? gossip.port,
      timeoutMs: present(durationMs(discovery.dialTimeout), 'the setting has been checked'),
      side,
    };
    const found = discovery.enabled && type !== undefined && type !== 'static';
    return [
      ...(peers.length > 0 ? [staticSource(parts)] : []),
      ...(found ? [makerOf(type)(parts)] : []),
    ];
  }
}

function staticSource({ cluster, rim, defaultPort }: SourceParts): PeerSource {
  return new NamePeerSource(
    {
      type: 'static',
      setting: 'cluster.peers',
      names: cluster.peers,
      defaultPort,
      makeResolver: () => new LookupNameResolver(),
    },
    rim,
  );
}

const mdnsService = ({ discovery }: ClusterConfig): string =>
  discovery.mdnsService ??
  (discovery.serviceName === undefined ? '_weir._tcp' : `_${discovery.serviceName}._tcp`);

const dnsServers = ({ discovery }: ClusterConfig): { readonly servers?: readonly string[] } =>
  discovery.dnsServers.length === 0 ? {} : { servers: discovery.dnsServers };

function makerOf(type: DiscoveryType): MakeSource {
  const maker = MAKERS[type];
  if (maker !== undefined) return maker;
  const problem = `this build has no source for it; use one of ${Object.keys(MAKERS).join(', ')}`;
  throw new ConfigError([{ key: 'cluster.discovery.type', value: type, problem }]);
}
