import type { WeirConfig } from '../config/weir-config.js';
import { REPLICATION_DEFAULTS, type ReplicationOptions } from './core/replication-options.js';
import { countSettings } from './count-settings.js';
import type { ReplicaIdentity } from './replica-identity.js';

/** From what an operator has set to the numbers of the machine. */
export function replicationOptions(
  config: WeirConfig,
  identity: ReplicaIdentity,
): ReplicationOptions {
  const { cluster } = config;
  const { syncIntervalMs, regionSyncIntervalMs, clockSkewWarnMs, joinWaitMs } = cluster;
  return {
    ...REPLICATION_DEFAULTS,
    cluster: cluster.name,
    self: identity.source,
    settings: countSettings(config),
    syncIntervalMs,
    regionSyncIntervalMs,
    clockSkewWarnMs,
    joinWaitMs,
  };
}
