import type { Recurrence } from '../../common/recurrence.js';
import type { Interval } from '../../common/time.js';
import type { CounterPlace } from './counter-place.js';

/** The counter of one limit and one group value, over all of its windows. */
export type CounterSpec = WindowSpec | BucketSpec | ConcurrencySpec;

interface NamedSpec {
  /** Names the counter among all replicas: limit id, generation and group value. */
  readonly name: string;
  /** What may be counted at once: an integer, 0 to 2^53 - 1. For a token bucket, its burst. */
  readonly maximum: number;
  /** For limits with group by: the family that this counter belongs to. */
  readonly group?: CounterGroup | undefined;
  /** Which replicas count together: those of all regions, if nothing is said, or of one. */
  readonly scope?: 'global' | 'region' | undefined;
  /** For the engine, if the spec is used more than once. Belongs to this name and algorithm. */
  readonly place?: CounterPlace | undefined;
}

export interface WindowSpec extends NamedSpec {
  /** A sliding window is a duration; a fixed one a duration or a calendar unit. */
  readonly algorithm: 'sliding_window' | 'fixed_window';
  readonly window: Recurrence;
}

export interface BucketSpec extends NamedSpec {
  readonly algorithm: 'token_bucket';
  /** What comes back in every `refillMs`: an integer, 1 or more. */
  readonly refillAmount: number;
  readonly refillMs: number;
}

export interface ConcurrencySpec extends NamedSpec {
  readonly algorithm: 'concurrency';
  /** How long a hold lasts that nobody releases, unless its demand says otherwise. */
  readonly holdMs: number;
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
  /** Room that there must be even if `amount` is less: 1 for a call whose cost is not known yet. */
  readonly roomMin?: number | undefined;
  /** For concurrency: how long this hold lasts, instead of the time of the counter. */
  readonly holdMs?: number | undefined;
}

/** The state of one counter, seen by one demand. */
export interface Reading {
  /**
   * The window of now. For a token bucket: from now until it is full again if nothing more is taken; for
   * concurrency: from now until the earliest hold ends.
   */
  readonly window: Interval;
  /**
   * What counts against the maximum now: for a sliding window an estimate, for a token bucket what is
   * missing, both rounded up; for concurrency what is held.
   */
  readonly counted: number;
  /** What is left, never below zero. After a take that succeeded: what is left after it. */
  readonly remaining: number;
  /** Whether the demand fits. */
  readonly admits: boolean;
  /**
   * If it does not fit: milliseconds until it would, if nothing else is counted. Undefined: never. For
   * concurrency, until the earliest hold ends, which need not be enough for a demand above 1.
   */
  readonly retryAfterMs: number | undefined;
}

/** What one demand has counted, and where: enough to correct it later. Plain values. */
export interface ReceiptEntry {
  /** The counter that counted it: of the demand, or the overflow counter of its group. */
  readonly counter: CounterSpec;
  /** Start of the window, or of the epoch of a token bucket. */
  readonly windowStart: number;
  readonly amount: number;
  /** For concurrency: names the hold within the engine that made it. */
  readonly holdId?: number | undefined;
}

/** Says what a take has counted, so that it can be given back. */
export interface Receipt {
  readonly entries: readonly ReceiptEntry[];
}

/** What turned out to be used of what an entry says was taken. 0 gives all of it back. */
export interface Correction {
  readonly entry: ReceiptEntry;
  readonly actual: number;
}

/** A hold that another engine has given out and that one counts from now on. Plain values. */
export interface HandedHold {
  readonly counter: CounterSpec;
  /** An integer, 1 or more. */
  readonly amount: number;
  /** When it ends by its time. */
  readonly endsAt: number;
}

export type TakeOutcome =
  | { readonly kind: 'taken'; readonly readings: readonly Reading[]; readonly receipt: Receipt }
  /** At least one enforced demand does not fit. Nothing was counted anywhere. */
  | { readonly kind: 'refused'; readonly readings: readonly Reading[] };

/** Whether one of the readings, which are those of the demands in their order, denies the call. */
export function isRefused(demands: readonly Demand[], readings: readonly Reading[]): boolean {
  let i = 0;
  for (const { enforced } of demands) if (readings[i++]?.admits === false && enforced) return true;
  return false;
}
