import type { WeirConfig } from '../config/weir-config.js';
import { REPLICATION_DEFAULTS, type ReplicationOptions } from './core/replication-options.js';
import { countSettings, DATABASE } from './count-settings.js';
import type { ReplicaIdentity } from './replica-identity.js';

/**
 * From what an operator has set to the numbers of the machine. `keyCheck` tells one key of fingerprints from another
 * (ADR 0121).
 */
export function replicationOptions(
  config: WeirConfig,
  identity: ReplicaIdentity,
  keyCheck: string,
): ReplicationOptions {
  const { cluster } = config;
  const { syncIntervalMs, regionSyncIntervalMs, clockSkewWarnMs, joinWaitMs } = cluster;
  return {
    ...REPLICATION_DEFAULTS,
    cluster: cluster.name,
    self: identity.source,
    settings: new Map([...countSettings(config), [DATABASE, keyCheck]]),
    syncIntervalMs,
    regionSyncIntervalMs,
    clockSkewWarnMs,
    joinWaitMs,
  };
}
