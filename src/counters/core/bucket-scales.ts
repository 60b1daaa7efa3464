import { assert } from '../../common/assert.js';
import { type BucketScale, isExactBucket, scaleOf } from '../../common/bucket-scale.js';
import type { BucketSpec } from './counter.js';

const PLACES = 64;

interface Known {
  readonly maximum: number;
  readonly refillAmount: number;
  readonly refillMs: number;
  readonly scale: BucketScale;
}

/** Scales of the buckets asked lately: most buckets share a few rates, and a decision needs it twice. */
export class BucketScales {
  private readonly places: (Known | undefined)[] = Array.from({ length: PLACES });

  of(spec: BucketSpec): BucketScale {
    const { maximum, refillAmount, refillMs } = spec;
    const place = (maximum ^ (refillAmount << 3) ^ refillMs) & (PLACES - 1);
    const known = this.places[place];
    if (
      known !== undefined &&
      known.maximum === maximum &&
      known.refillAmount === refillAmount &&
      known.refillMs === refillMs
    )
      return known.scale;
    assert(isExactBucket(spec), 'a token bucket is one that can be counted exactly');
    const scale = scaleOf(spec);
    this.places[place] = { maximum, refillAmount, refillMs, scale };
    return scale;
  }
}
