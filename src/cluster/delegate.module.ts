import { Module } from '@nestjs/common';
import { GossipDelegate } from '../gossip/gossip-delegate.js';
import { ClusterDelegate } from './cluster-delegate.js';

/** Apart from the rest of the cluster, because the gossip needs it and the rest needs the gossip. */
@Module({
  providers: [ClusterDelegate, { provide: GossipDelegate, useExisting: ClusterDelegate }],
  exports: [ClusterDelegate, GossipDelegate],
})
export class DelegateModule {}
