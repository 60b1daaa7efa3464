import { IntegerKnob } from './knob.js';

/** The counters of limits, in memory. */
export class CountersConfig {
  /** Live counters, at most. Default 5 million. */
  @IntegerKnob({
    unit: 'counters',
    min: 1000,
    max: 100_000_000,
    effect:
      'Most counters kept in memory; 100 bytes each, 150 in a cluster and 56 for each other replica that counts.',
  })
  readonly liveMax: number = 5_000_000;

  /** Milliseconds between checkpoints. Default 5 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 100,
    max: 600_000,
    effect:
      'How often windows longer than a minute are saved; a replica that is killed forgets at most this.',
  })
  readonly checkpointIntervalMs: number = 5_000;
  /** Reservations of calls that met limits only, at most. Default 500,000. */
  @IntegerKnob({
    unit: 'reservations',
    min: 1000,
    max: 10_000_000,
    effect:
      'Most reservations of calls that met no budget, kept in memory until they end; about 500 bytes each.',
  })
  readonly reservationsMax: number = 500_000;
}
