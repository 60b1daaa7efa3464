/**
 * How long to wait before a service that failed is asked again: twice as long each time, up to a
 * bound, and anywhere in the upper half of that, so that replicas which lost the service together do
 * not return to it together.
 */
import type { Random } from '../../common/random.js';

export interface BackoffBounds {
  /** Milliseconds, of the first wait. */
  readonly firstMs: number;
  /** Milliseconds; no wait is longer. */
  readonly maxMs: number;
}

/** Short enough that a cluster finds itself within seconds of a service's return. */
export const SOURCE_BACKOFF: BackoffBounds = { firstMs: 250, maxMs: 5_000 };

export class Backoff {
  private failures = 0;

  constructor(
    private readonly random: Random,
    private readonly bounds: BackoffBounds = SOURCE_BACKOFF,
  ) {}

  /** One more failure; gives the milliseconds to wait. */
  failed(): number {
    const { firstMs, maxMs } = this.bounds;
    const longest = Math.min(maxMs, firstMs * 2 ** Math.min(this.failures, 30));
    this.failures++;
    return longest / 2 + this.random.fraction() * (longest / 2);
  }

  succeeded(): void {
    this.failures = 0;
  }
}
