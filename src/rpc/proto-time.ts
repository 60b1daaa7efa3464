import { type WallMs, wallMs } from '../common/time.js';
import type { Duration } from '../gen/google/protobuf/duration.js';
import type { Timestamp } from '../gen/google/protobuf/timestamp.js';

/** Conversions between our milliseconds and protobuf's seconds and nanoseconds; finer parts are cut. */
export function toTimestamp(at: WallMs): Timestamp {
  const seconds = Math.floor(at / 1_000);
  return { seconds: BigInt(seconds), nanos: Math.round(at - seconds * 1_000) * 1_000_000 };
}

export function fromTimestamp(timestamp: Timestamp): WallMs {
  return wallMs(Number(timestamp.seconds) * 1_000 + Math.floor(timestamp.nanos / 1_000_000));
}

/** Rounded up to whole milliseconds, so that who waits for it never comes too early. */
export function toDuration(ms: number): Duration {
  const whole = Math.ceil(ms);
  const seconds = Math.floor(whole / 1_000);
  return { seconds: BigInt(seconds), nanos: (whole - seconds * 1_000) * 1_000_000 };
}

/** Milliseconds, with a fraction where the duration is not whole. */
export function fromDuration(duration: Duration): number {
  return Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}
