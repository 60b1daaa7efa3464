import { networkInterfaces } from 'node:os';
import { DomainError } from '../common/domain-error.js';
import type { ClusterConfig } from '../config/cluster-config.js';
import { ConfigError } from '../config/config-error.js';
import type { WeirConfig } from '../config/weir-config.js';
import { advertisedEndpoint } from '../gossip/advertised-endpoint.js';
import { present } from '../common/assert.js';
import { parseAddress } from '../common/ip-address.js';
import { encodeMemberMeta } from '../gossip/core/member-meta.js';
import { checkGossipSettings } from '../gossip/gossip-options-of.js';
import type { GossipSettings } from '../gossip/gossip-settings.js';
import { gossipKeys } from './gossip-keys.js';
import { ReplicaIdentity } from './replica-identity.js';
import type { ReplicaPorts } from './replica.js';

/** The gossip's settings, from the cluster's. Reads the file of keys, if one is named. */
export function gossipSettingsOf(cluster: ClusterConfig, name: string): GossipSettings {
  const { bindHost, port, advertiseHost, advertisePort, preset, ...gossip } = cluster.gossip;
  return {
    name,
    bindHost,
    port,
    ...given({ advertiseHost, advertisePort }),
    preset: preset ?? 'lan',
    ...given(gossip.config),
    timings: given(gossip.timings),
    label: gossip.label ?? cluster.name,
    acceptedLabels: gossip.acceptedLabels,
    keys: gossipKeys(cluster.gossip),
    verifyIncoming: gossip.verifyIncoming,
    verifyOutgoing: gossip.verifyOutgoing,
    allowedAddressSpace: cluster.discovery.allowedAddressSpace,
  };
}

/**
 * Finds what is wrong with the cluster before anything has been started: timings that contradict each
 * other, keys that are none, an address that nobody could reach.
 *
 * @throws ConfigError with every fault.
 */
export function checkCluster(config: WeirConfig): void {
  if (!config.cluster.enabled) return;
  const identity = ReplicaIdentity.of(config);
  try {
    const settings = gossipSettingsOf(config.cluster, identity.name);
    checkGossipSettings({ ...settings, meta: metaOf(identity, { grpc: 0, http: 0, peer: 0 }) });
    const addr = present(parseAddress(settings.bindHost), 'the settings have been checked');
    advertisedEndpoint(settings, { addr, port: settings.port }, networkInterfaces());
  } catch (error) {
    throw error instanceof DomainError ? asConfigError(error) : error;
  }
}

/** What a replica tells of itself in its member's metadata. */
export const metaOf = ({ facts }: ReplicaIdentity, ports: ReplicaPorts): Uint8Array =>
  encodeMemberMeta({
    ...facts,
    grpcPort: ports.grpc,
    httpPort: ports.http,
    peerPort: ports.peer,
  });

function asConfigError(error: DomainError): ConfigError {
  const { violations = [] } = error.details;
  return new ConfigError(
    violations.map(({ field, description }) => ({ key: field, problem: description })),
  );
}

/** Only what is set, so that what is absent overrides nothing. */
function given<T extends object>(block: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const set = Object.entries(block).filter(([, value]) => value !== undefined);
  // Every entry is one of the block's own.
  return Object.fromEntries(set) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
