import { Injectable } from '@nestjs/common';
import { Log } from '../common/log.js';
import { WeirConfig } from '../config/weir-config.js';
import { DiscoveryService } from '../discovery/discovery.service.js';
import { ReplicaIdentity } from './replica-identity.js';

/** What the driver is given beside the gossip. */
@Injectable()
export class MembershipParts {
  constructor(
    readonly identity: ReplicaIdentity,
    readonly config: WeirConfig,
    readonly discovery: DiscoveryService,
    readonly log: Log,
  ) {}
}
