/** How long a source that is asked, rather than one that tells, waits before it is asked again. */
import type { Random } from '../../common/random.js';

/** An answer that is not to be trusted for a second would have us ask without end. */
export const POLL_MIN_MS = 1_000;

/** However long a record may be kept, a replica that comes is to be found. */
export const POLL_MAX_MS = 30_000;

/** Where nothing tells how long an answer is good for. */
export const POLL_DEFAULT_MS = 10_000;

/** As long as the answer lives, within the bounds, a tenth more or less. */
export function pollWaitMs(ttlSeconds: number | undefined, random: Random): number {
  const wanted = ttlSeconds === undefined ? POLL_DEFAULT_MS : ttlSeconds * 1_000;
  const bounded = Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, wanted));
  return bounded * (0.9 + random.fraction() * 0.2);
}
