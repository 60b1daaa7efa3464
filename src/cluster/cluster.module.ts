import { type DynamicModule, Module } from '@nestjs/common';
import type { WeirConfig } from '../config/weir-config.js';
import { DiscoveryModule } from '../discovery/discovery.module.js';
import { GossipModule } from '../gossip/gossip.module.js';
import { ClusterController } from './cluster.controller.js';
import { ClusterReport } from './cluster-report.js';
import { DelegateModule } from './delegate.module.js';
import { gossipSettingsOf } from './gossip-settings-of.js';
import { KeyringQueries } from './keyring/keyring-queries.js';
import { KeyringService } from './keyring/keyring.service.js';
import { MemberLog } from './member-log.js';
import { MembershipDriver } from './membership.driver.js';
import { MembershipParts } from './membership-parts.js';
import { MembershipService } from './membership.service.js';
import { GrpcPeerTransport } from './grpc-peer-transport.js';
import { peerCredentials } from './peer-credentials.js';
import { PeerTransport } from './peer-transport.js';
import { ReplicaIdentity } from './replica-identity.js';
import { ReplicationDriver } from './replication.driver.js';
import { ReplicationNotices } from './replication-notices.js';
import { ReplicationParts } from './replication-parts.js';
import { ReservationPeers } from './reservation-peers.js';

/** Global: everything that counts or reports asks who counts with it. */
@Module({})
export class ClusterModule {
  static with(config: WeirConfig): DynamicModule {
    const { cluster } = config;
    const identity = ReplicaIdentity.of(config);
    const gossip = cluster.enabled
      ? [GossipModule.with(gossipSettingsOf(cluster, identity.name), DelegateModule)]
      : [];
    return {
      module: ClusterModule,
      global: true,
      imports: [DelegateModule, DiscoveryModule, ...gossip],
      controllers: [ClusterController],
      providers: [
        { provide: ReplicaIdentity, useValue: identity },
        {
          provide: PeerTransport,
          useFactory: () => new GrpcPeerTransport(peerCredentials(cluster.grpc.tls)),
        },
        ClusterReport,
        KeyringQueries,
        KeyringService,
        MemberLog,
        MembershipDriver,
        MembershipParts,
        MembershipService,
        ReplicationDriver,
        ReplicationNotices,
        ReplicationParts,
        ReservationPeers,
      ],
      exports: [
        ClusterReport,
        DiscoveryModule,
        MembershipDriver,
        MembershipService,
        ReplicaIdentity,
        ReplicationDriver,
        ReservationPeers,
      ],
    };
  }
}
