/**
 * A deadline that comes back. Like Go's ticker it does not catch up: after a pause it ticks once and
 * goes on from there. The first tick comes at a random part of the interval, so that nodes started
 * together do not tick together.
 */
import type { Random } from '../../common/random.js';
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';

export class Ticker {
  private nextAt: MonoMs;

  constructor(
    private readonly intervalMs: number,
    startAt: MonoMs,
    random: Random,
  ) {
    this.nextAt = monoMs(startAt + intervalMs * (1 + random.fraction()));
  }

  get deadline(): MonoMs {
    return this.nextAt;
  }

  /** True once for each interval that has passed, and once for a pause of many. */
  isDue(now: MonoMs): boolean {
    if (now < this.nextAt) return false;
    const next = this.nextAt + this.intervalMs;
    this.nextAt = monoMs(next > now ? next : now + this.intervalMs);
    return true;
  }
}
