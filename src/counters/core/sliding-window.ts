/**
 * The sliding window limit, from two counters: the window of now and the one before it, both aligned to
 * the epoch. The older one counts for as much of it as the sliding window still covers, rounded up. That
 * is exact if the older window's traffic was even, and needs no log of calls.
 *
 * Invariant: within one window, the estimate only falls while nothing is counted, so there is one first
 * millisecond at which a demand fits, and it can be solved for.
 *
 * Source: Cloudflare, "How we built rate limiting capable of scaling to millions of domains", 2017.
 */
import type { Interval } from '../../common/time.js';
import { multiplyDivideCeil, multiplyDivideFloor } from './multiply-divide.js';

export interface WindowCounts {
  /** Counted in the window before the one of now. */
  readonly previous: number;
  readonly current: number;
}

/** How much of what the window before `window` counted still counts at `now`, which lies in `window`. */
export function fadedCount(previous: number, window: Interval, now: number): number {
  return multiplyDivideCeil(previous, window.end - now, window.end - window.start);
}

/**
 * The first millisecond, from `now` on, at which a demand that must find `room` or less counted would
 * fit if nothing else were counted. `room` is the maximum less the demand, and not negative.
 */
export function slidingFitsAt(
  counts: WindowCounts,
  window: Interval,
  now: number,
  room: number,
): number {
  const roomBesideCurrent = room - counts.current;
  if (roomBesideCurrent >= 0)
    return Math.max(now, fadedAt(counts.previous, roomBesideCurrent, window));
  const lengthMs = window.end - window.start;
  const next = { start: window.end, end: window.end + lengthMs };
  return Math.max(window.end, fadedAt(counts.current, room, next));
}

/** When what an older window counted has faded to `room` within `window`, which follows it. */
function fadedAt(older: number, room: number, window: { start: number; end: number }): number {
  if (older <= room) return window.start;
  return window.end - multiplyDivideFloor(room, window.end - window.start, older);
}
