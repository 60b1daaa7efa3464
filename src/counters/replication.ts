import { Injectable } from '@nestjs/common';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { ReplicationDriver } from '../cluster/replication.driver.js';

/** What an engine that counts with others needs of the cluster. */
@Injectable()
export class Replication {
  constructor(
    readonly identity: ReplicaIdentity,
    readonly driver: ReplicationDriver,
  ) {}
}
