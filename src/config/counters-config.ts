import { IntegerKnob } from './knob.js';

/** The counters of limits, in memory. */
export class CountersConfig {
  /** Live counters, at most. Default 5 million. */
  @IntegerKnob({
    unit: 'counters',
    min: 1000,
    max: 100_000_000,
    effect: 'Most counters kept in memory; it bounds the memory, about 100 bytes a counter.',
  })
  readonly liveMax: number = 5_000_000;
}
