import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { Log } from '../../common/log.js';

/** Time and the log, together: the driver needs both. */
@Injectable()
export class JournalPorts {
  constructor(
    readonly clock: Clock,
    readonly log: Log,
  ) {}
}
