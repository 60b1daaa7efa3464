import { gossipKeys } from '../cluster/gossip-keys.js';
import { silentLog } from '../common/log.js';
import { SystemClock } from '../common/system-clock.js';
import { SystemRandom } from '../common/system-random.js';
import type { ClusterConfig } from '../config/cluster-config.js';
import { ConfiguredPeerSources } from '../discovery/configured-peer-sources.js';
import type { PeerSource } from '../discovery/peer-source.js';

/** The sources of a service, which only look: somebody who asks is no replica. */
export function makeSources(cluster: ClusterConfig): readonly PeerSource[] {
  const rim = { clock: new SystemClock(), random: new SystemRandom(), log: silentLog };
  const keys = gossipKeys(cluster.gossip);
  return new ConfiguredPeerSources(cluster, rim).make({ self: undefined, keys: () => keys });
}
