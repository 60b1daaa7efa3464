import { FlagKnob, IntegerKnob } from './knob.js';

/** Owners, policies and prices. */
export class GovernanceConfig {
  /** Whether a check without a virtual key is denied. Default false. */
  @FlagKnob({
    effect: 'Denies a check that names no virtual key, instead of counting it at the root only.',
    aliases: ['isVkMandatory'],
  })
  readonly virtualKeyMandatory: boolean = false;

  /** Milliseconds within which a change is seen, should its notification get lost. Default 1 s. */
  @IntegerKnob({
    unit: 'milliseconds',
    min: 50,
    max: 3_600_000,
    effect: 'Within this time a change in the database is seen of which no notification has come.',
  })
  readonly pollIntervalMs: number = 1000;
}
