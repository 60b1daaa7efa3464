import { Injectable } from '@nestjs/common';
import { Log } from '../common/log.js';
import { WeirConfig } from '../config/weir-config.js';
import { GossipSeeds } from '../gossip/gossip-seeds.js';
import { ReplicaIdentity } from './replica-identity.js';

/** What the driver is given beside the gossip. */
@Injectable()
export class MembershipParts {
  constructor(
    readonly identity: ReplicaIdentity,
    readonly config: WeirConfig,
    readonly seeds: GossipSeeds,
    readonly log: Log,
  ) {}
}
