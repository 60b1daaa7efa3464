import { IntegerKnob } from './knob.js';

/** The way out after SIGTERM. */
export class ShutdownConfig {
  /** Milliseconds between "not ready" and the end of listening. Default 0. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 0,
    max: 600_000,
    effect:
      'Time for load balancers to see that the replica is not ready, before it stops listening.',
  })
  readonly drainDelayMs: number = 0;

  /** Milliseconds that calls in flight have to end. Default 25 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 0,
    max: 3_600_000,
    effect: 'Time that calls in flight have to end before they are cut off.',
  })
  readonly graceMs: number = 25_000;
}
