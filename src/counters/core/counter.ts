import type { Recurrence } from '../../common/recurrence.js';
import type { Interval } from '../../common/time.js';

/** The counter of one limit and one group value, over all of its windows. */
export interface CounterSpec {
  /** Names the counter among all replicas: limit id, generation and group value. */
  readonly name: string;
  readonly algorithm: 'sliding_window' | 'fixed_window';
  readonly window: Recurrence;
  /** What a window holds: an integer, 0 to 2^53 - 1. */
  readonly maximum: number;
  /** For limits with group by: the family that this counter belongs to. */
  readonly group?: CounterGroup | undefined;
}

/**
 * The counters of one limit with group by. Values that come when `countersMax` counters are live share
 * one overflow counter; live counters are never evicted for new ones.
 */
export interface CounterGroup {
  /** Limit id and generation. */
  readonly name: string;
  readonly countersMax: number;
}

/** What a call wants of one counter. */
export interface Demand {
  readonly counter: CounterSpec;
  /** An integer, 0 or more. 0 asks and takes nothing. */
  readonly amount: number;
  /** False for shadow limits: they count what is admitted, and never refuse. */
  readonly enforced: boolean;
}

/** The state of one counter, seen by one demand. */
export interface Reading {
  /** The window of now. */
  readonly window: Interval;
  /** What counts against the maximum now; for a sliding window an estimate, rounded up. */
  readonly counted: number;
  /** What is left, never below zero. After a take that succeeded: what is left after it. */
  readonly remaining: number;
  /** Whether the demand fits. */
  readonly admits: boolean;
  /** If it does not fit: milliseconds until it would, if nothing else is counted. Undefined: never. */
  readonly retryAfterMs: number | undefined;
}

/** Says what a take has counted, so that it can be given back. Opaque to its holder. */
export interface Receipt {
  readonly entries: readonly {
    readonly counter: CounterSpec;
    readonly windowStart: number;
    readonly amount: number;
  }[];
}

export type TakeOutcome =
  | { readonly kind: 'taken'; readonly readings: readonly Reading[]; readonly receipt: Receipt }
  /** At least one enforced demand does not fit. Nothing was counted anywhere. */
  | { readonly kind: 'refused'; readonly readings: readonly Reading[] };
