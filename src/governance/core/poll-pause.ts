/** Of the interval: what timers are late by, and the next poll may last longer than the last. */
const MARGIN_SHARE = 0.05;

/**
 * Milliseconds from the end of one poll to the start of the next. What is committed right after a poll has looked
 * is to be here within `intervalMs`: by then the next one is done, not begun. It is taken to last as long as
 * the last. Slow polls are hurried on no further than to half of the interval.
 */
export function pauseBetweenPolls(intervalMs: number, lastTookMs: number): number {
  return Math.max(intervalMs / 2, intervalMs * (1 - MARGIN_SHARE) - 2 * lastTookMs);
}
