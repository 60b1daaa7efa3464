import { IntegerKnob } from './knob.js';

/** How debits are written. */
export class DebitsConfig {
  /** Debits that share one commit, at most. Default 1000. */
  @IntegerKnob({
    unit: 'debits',
    min: 1,
    max: 10_000,
    effect: 'Most debits that share one commit: more is faster, and longer for the first of them.',
  })
  readonly groupSizeMax: number = 1000;

  /** Days for which an idempotency key is remembered. Default 7. */
  @IntegerKnob({
    unit: 'days',
    min: 1,
    max: 3650,
    effect: 'How long a repeated idempotency key is recognised; later it counts as a new debit.',
  })
  readonly keyRetentionDays: number = 7;

  /** Days for which the ledger keeps its entries; 0 is for ever. Default 0. */
  @IntegerKnob({
    unit: 'days',
    min: 0,
    max: 36_500,
    effect:
      'Months of the ledger that are older are dropped; balances keep what they posted. 0: never.',
  })
  readonly ledgerRetentionDays: number = 0;
}
