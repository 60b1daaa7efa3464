import { FlagKnob, IntegerKnob } from './knob.js';

/** What happens when calls come faster than they can be served. */
export class OverloadConfig {
  /** Whether calls are turned away at all. Default true. */
  @FlagKnob({
    effect:
      'Turns calls away with RESOURCE_EXHAUSTED while this process is behind, instead of queueing.',
  })
  readonly shed: boolean = true;

  /** Milliseconds that the event loop may be late. Default 50. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 60_000,
    effect:
      'An event loop that is late by more is overloaded; while it is, an eighth of this goes to new work.',
  })
  readonly targetLagMs: number = 50;

  /** Milliseconds of lag without a pause. Default 500. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 600_000,
    effect:
      'How long the lag must last before calls are turned away, and be over before they no longer are.',
  })
  readonly intervalMs: number = 500;

  /** Milliseconds after which facts are turned away too. Default 2 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 10,
    max: 600_000,
    effect:
      'Debits, releases and extensions are turned away only at this lag; checks at an eighth of the target.',
  })
  readonly factLagMs: number = 2_000;
}
