import { Injectable } from '@nestjs/common';
import { ReplicationDriver } from '../cluster/replication.driver.js';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';
import { MatchedPolicies } from './matched-policies.js';

/** What every use case of this module needs: time, chance, policies as counters and periods, and peers. */
@Injectable()
export class QuotaPorts {
  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly policies: MatchedPolicies,
    readonly replication: ReplicationDriver,
  ) {}
}
