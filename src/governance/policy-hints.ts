import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ReplicationDriver } from '../cluster/replication.driver.js';
import { DirectoryFollower } from './directory-follower.js';

/**
 * Replicas tell each other which version of the policies they have seen. Like a notification of the
 * database it is a hint, and may be lost: whoever hears of a later version asks the database.
 */
@Injectable()
export class PolicyHints implements OnModuleInit {
  constructor(
    private readonly follower: DirectoryFollower,
    private readonly replication: ReplicationDriver,
  ) {}

  onModuleInit(): void {
    this.follower.onVersion((version) => this.replication.tellPolicyVersion(Number(version)));
    this.replication.onPolicyHint((version) => this.follower.hint(BigInt(version)));
  }
}
