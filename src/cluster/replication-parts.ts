import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';
import { MembershipParts } from './membership-parts.js';
import { PeerTransport } from './peer-transport.js';

/** What the driver of the replication is given beside the members. */
@Injectable()
export class ReplicationParts {
  constructor(
    readonly transport: PeerTransport,
    readonly clock: Clock,
    readonly random: Random,
    readonly setting: MembershipParts,
  ) {}
}
