/**
 * All that is known of one counter, by window: what replicas send each other, and what they merge. A
 * state is a tally for each window (or epoch), and two states merge window by window, so the laws of
 * tallies are its laws. What is over is left out, never set to zero; a state that has forgotten a window
 * and merges with one that has not is right again as soon as it forgets once more.
 *
 * A sliding window needs the tallies of two windows, a token bucket of two epochs, concurrency has one
 * window without end. A bucket's level is no part of this: each replica drains its own by the growth of
 * the totals that it learns of.
 */
import type { WindowCounts } from './sliding-window.js';
import { type Entry, mergeTallies, type Tally, totalOf } from './tally.js';

/** Tallies by start of the window. */
export type CounterState = ReadonlyMap<number, Tally>;

export function mergeStates(a: CounterState, b: CounterState): CounterState {
  const merged = new Map(a);
  for (const [start, tally] of b) {
    const known = merged.get(start);
    merged.set(start, known === undefined ? tally : mergeTallies(known, tally));
  }
  return merged;
}

/** Without the windows that start before `start`. */
export function forgetBefore(state: CounterState, start: number): CounterState {
  return new Map([...state].filter(([windowStart]) => windowStart >= start));
}

/** What a window of `lengthMs` and the one before it have counted. */
export function countsOf(state: CounterState, start: number, lengthMs: number): WindowCounts {
  return {
    previous: totalOf(state.get(start - lengthMs) ?? NOTHING),
    current: totalOf(state.get(start) ?? NOTHING),
  };
}

/**
 * What a state has learned in a merge, over all windows: what a bucket is to be drained by, and what it
 * gets back. Windows that `after` has forgotten do not count.
 */
export function growthOf(before: CounterState, after: CounterState): Entry {
  let taken = 0;
  let returned = 0;
  for (const [start, tally] of after)
    for (const [incarnation, entry] of tally) {
      const known = before.get(start)?.get(incarnation);
      taken += entry.taken - (known?.taken ?? 0);
      returned += entry.returned - (known?.returned ?? 0);
    }
  return { taken, returned };
}

const NOTHING: Tally = new Map();
