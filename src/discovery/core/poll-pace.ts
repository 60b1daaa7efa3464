/** How long a source that is asked, rather than one that tells, waits before it is asked again. */
import type { Random } from '../../common/random.js';

export interface PollBounds {
  /** An answer that is not to be trusted for a second would have us ask without end. */
  readonly minMs: number;
  /** However long a record may be kept, a replica that comes is to be found. */
  readonly maxMs: number;
}

export const POLL_BOUNDS: PollBounds = { minMs: 1_000, maxMs: 30_000 };

/** Where nothing tells how long an answer is good for. */
export const POLL_DEFAULT_MS = 10_000;

/** As long as the answer lives, within the bounds, a tenth more or less. */
export function pollWaitMs(
  ttlSeconds: number | undefined,
  random: Random,
  { minMs, maxMs }: PollBounds = POLL_BOUNDS,
): number {
  const wanted = ttlSeconds === undefined ? POLL_DEFAULT_MS : ttlSeconds * 1_000;
  return Math.min(maxMs, Math.max(minMs, wanted)) * (0.9 + random.fraction() * 0.2);
}
