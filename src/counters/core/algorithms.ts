import { unreachable } from '../../common/assert.js';
import type { Algorithm } from './algorithm.js';
import { BucketCounters } from './bucket-counters.js';
import { ConcurrencyCounters } from './concurrency-counters.js';
import type { CounterSpec } from './counter.js';
import type { Population } from './population.js';
import type { Replica } from './replica.js';
import { WindowCounters } from './window-counters.js';

/** Every kind of counter that one engine keeps, with one bound on all of them together. */
export class Algorithms {
  readonly windows: WindowCounters;
  readonly buckets: BucketCounters;
  readonly concurrency: ConcurrencyCounters;
  readonly all: readonly Algorithm<CounterSpec>[];

  constructor(
    readonly population: Population,
    holdsMax: number | undefined,
    replica?: Replica,
  ) {
    const [windowSide, bucketSide, gaugeSide] = replica?.sides ?? [];
    this.windows = new WindowCounters(population, windowSide);
    this.buckets = new BucketCounters(population, bucketSide);
    this.concurrency = new ConcurrencyCounters(population, holdsMax, gaugeSide);
    this.all = [this.windows, this.buckets, this.concurrency];
  }

  get bytes(): number {
    return this.all.reduce((sum, { slab }) => sum + slab.bytes, this.concurrency.holds.bytes);
  }

  of({ algorithm }: CounterSpec): Algorithm<CounterSpec> {
    switch (algorithm) {
      case 'sliding_window':
      case 'fixed_window':
        return this.windows;
      case 'token_bucket':
        return this.buckets;
      case 'concurrency':
        return this.concurrency;
      default:
        return unreachable(algorithm);
    }
  }

  sweep(count: number, now: number): void {
    for (const { slab } of this.all) slab.sweep(count, now);
  }

  sweepAsDue(now: number): void {
    this.windows.slab.sweepAsDue(now);
    this.buckets.slab.sweepAsDue(now);
    this.concurrency.slab.sweepAsDue(now);
  }
}
