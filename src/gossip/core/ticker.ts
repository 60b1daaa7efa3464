/**
 * A deadline that comes back. Like Go's ticker it does not catch up: after a pause it ticks once, and
 * then goes on in its old rhythm. The first tick comes at a random part of the interval, so that nodes
 * started together do not tick together, nor do those that were stopped together.
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
    const missed = Math.floor((now - this.nextAt) / this.intervalMs);
    this.nextAt = monoMs(this.nextAt + (missed + 1) * this.intervalMs);
    return true;
  }
}
