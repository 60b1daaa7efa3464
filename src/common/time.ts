/**
 * Two kinds of time that must never be mixed. Wall time decides windows and periods; monotonic time
 * decides timers and deadlines. Both are milliseconds in a `number`: wall time stays exact to the
 * year 285,000, so no `bigint` is needed.
 */
declare const wall: unique symbol;
declare const mono: unique symbol;

/** Milliseconds since 1970-01-01T00:00:00Z. May step in either direction when a clock is set. */
export type WallMs = number & { readonly [wall]: true };

/** Milliseconds since an arbitrary origin of this process. Never decreases. */
export type MonoMs = number & { readonly [mono]: true };

export const wallMs = (ms: number): WallMs => ms as WallMs;
export const monoMs = (ms: number): MonoMs => ms as MonoMs;

/** A half-open interval `[start, end)` of wall time: a window of a limit or a period of a budget. */
export interface Interval {
  readonly start: WallMs;
  readonly end: WallMs;
}

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;
