import { LIFETIME } from '../common/interval-at.js';
import type { Interval } from '../common/time.js';
import type { Interval as IntervalMessage } from '../gen/weir/v1/common.js';
import { fromTimestamp, toTimestamp } from './proto-time.js';

/** A bound that is absent is the end of time in that direction. */
export function toInterval(message: IntervalMessage | undefined): Interval | undefined {
  if (message === undefined) return undefined;
  const start = message.start === undefined ? LIFETIME.start : fromTimestamp(message.start);
  const end = message.end === undefined ? LIFETIME.end : fromTimestamp(message.end);
  return { start, end };
}

export function fromInterval({ start, end }: Interval): IntervalMessage {
  return {
    start: toTimestamp(start),
    end: end >= LIFETIME.end ? undefined : toTimestamp(end),
  };
}
