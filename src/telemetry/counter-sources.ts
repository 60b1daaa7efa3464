import { Injectable } from '@nestjs/common';
import { CheckpointDriver } from '../counters/checkpoint.driver.js';
import { CounterEngine } from '../counters/counter-engine.js';

/** What the metrics of counters are read from. */
@Injectable()
export class CounterSources {
  constructor(
    readonly engine: CounterEngine,
    readonly checkpoints: CheckpointDriver,
  ) {}
}
