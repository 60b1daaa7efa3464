import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';
import { MatchedPolicies } from './matched-policies.js';

/** What every use case of this module needs: time, chance, and policies as counters and periods. */
@Injectable()
export class QuotaPorts {
  constructor(
    readonly clock: Clock,
    readonly random: Random,
    readonly policies: MatchedPolicies,
  ) {}
}
