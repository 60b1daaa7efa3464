import type { Interval } from '../../common/time.js';
import type { Reading } from './counter.js';

/**
 * A reading whose maker may still change it: once its demand is counted it is brought up to date, rather
 * than made anew. Made here only, so that all readings have one shape to the compiler.
 */
export type FreshReading = { -readonly [K in keyof Reading]: Reading[K] };

export function admitting(window: Interval, counted: number, maximum: number): FreshReading {
  return {
    window,
    counted,
    remaining: counted < maximum ? maximum - counted : 0,
    admits: true,
    retryAfterMs: undefined,
  };
}

export function refusing(
  window: Interval,
  counted: number,
  maximum: number,
  retryAfterMs: number | undefined,
): FreshReading {
  return {
    window,
    counted,
    remaining: counted < maximum ? maximum - counted : 0,
    admits: false,
    retryAfterMs,
  };
}

/** As after `amount` more was counted. */
export function raiseCounted(reading: FreshReading, amount: number): void {
  reading.counted += amount;
  reading.remaining = reading.remaining > amount ? reading.remaining - amount : 0;
}
