import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Random } from '../common/random.js';

/** Time and chance, together: every use case that makes a record needs both. */
@Injectable()
export class QuotaPorts {
  constructor(
    readonly clock: Clock,
    readonly random: Random,
  ) {}
}
