import { addressText } from '../common/ip-address.js';
import type { SelfAnnouncement } from '../discovery/peer-source.js';
import type { Endpoint } from '../gossip/core/endpoint.js';
import type { MembershipParts } from './membership-parts.js';
import type { ReplicaPorts } from './replica.js';

/** What sources of discovery tell others of this replica. */
export function announcementOf(
  { identity, config }: MembershipParts,
  { addr, port }: Endpoint,
  ports: ReplicaPorts,
): SelfAnnouncement {
  return {
    replicaId: identity.name,
    host: addressText(addr),
    port,
    clusterName: config.cluster.name,
    region: config.cluster.region,
    ports: { ...ports },
  };
}
