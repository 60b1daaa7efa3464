import type { Interval, WallMs } from './time.js';

/**
 * The rule that cuts the time line into the windows of a limit or the periods of a budget. The
 * intervals tile time: half-open, without gap or overlap. Nothing is ever reset; a new interval is a
 * new key (ADR 0003).
 */
export type Recurrence =
  /** Intervals of equal length, aligned so that one of them starts at `anchorMs` (0: the epoch). */
  | { readonly kind: 'duration'; readonly durationMs: number; readonly anchorMs: number }
  /** Intervals that follow the calendar of a time zone, with its days of 23 and 25 hours. */
  | ({ readonly kind: 'calendar' } & CalendarRule)
  /** One interval: all of time. */
  | { readonly kind: 'lifetime' };

export type CalendarUnit = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'quarter' | 'year';

export interface CalendarRule {
  readonly unit: CalendarUnit;
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string;
  /** ISO 8601: 1 is Monday, 7 is Sunday. Weeks only. */
  readonly weekStart: number;
  /** 1 to 31; a shorter month begins on its last day. Months, quarters and years only. */
  readonly anchorDay: number;
  /** 1 to 12. Quarters and years only. */
  readonly anchorMonth: number;
}

/** Computes intervals; `interval-at.ts` has the one that remembers. */
export interface IntervalFinder {
  /** The interval that contains `now`. */
  intervalAt(recurrence: Recurrence, now: WallMs): Interval;
}
