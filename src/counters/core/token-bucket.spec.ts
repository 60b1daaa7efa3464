import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isExactBucket, scaleOf } from '../../common/bucket-scale.js';
import type { BucketSpec } from './counter.js';
import { drained, refilled, refillTimeMs, rescaled, restored } from './token-bucket.js';

const bucket = (maximum: number, refillAmount: number, refillMs: number): BucketSpec => ({
  name: 'bucket',
  algorithm: 'token_bucket',
  maximum,
  refillAmount,
  refillMs,
});

describe('token bucket', () => {
  it('refills half of a burst of 20 in a second at 10 a second', () => {
    const scale = scaleOf(bucket(20, 10, 1_000));
    const empty = drained(0, 20, scale);
    expect(refillTimeMs(empty, 0, scale)).toBe(2_000);
    expect(refilled(empty, 1_000, scale)).toBe(scale.capacityUnits / 2);
    expect(refilled(empty, 1_999, scale)).toBeGreaterThan(0);
    expect(refilled(empty, 2_000, scale)).toBe(0);
    expect(refilled(empty, 1e15, scale)).toBe(0);
  });

  it('goes into debt, and gives back no more than is missing', () => {
    const scale = scaleOf(bucket(20, 10, 1_000));
    expect(refillTimeMs(drained(0, 30, scale), scale.capacityUnits, scale)).toBe(1_000);
    expect(restored(drained(0, 5, scale), 7, scale)).toBe(0);
    expect(drained(0, Number.MAX_SAFE_INTEGER, scale)).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('does not lose a part of a token, however often it is asked', () => {
    const scale = scaleOf(bucket(10, 1, 3));
    let deficit = drained(0, 10, scale);
    for (let i = 0; i < 29; i++) deficit = refilled(deficit, 1, scale);
    expect(deficit).toBe(1);
    expect(refilled(deficit, 1, scale)).toBe(0);
  });

  it('keeps its fill, rounded down, when the rate changes', () => {
    const before = scaleOf(bucket(100, 10, 1_000));
    const after = scaleOf(bucket(50, 7, 300));
    const deficit = rescaled(drained(0, 40, before), before.unitsPerToken, after);
    expect(deficit).toBe(drained(0, 40, after));
    expect(rescaled(1, 1_000, after)).toBe(1);
    expect(rescaled(0, 1_000, after)).toBe(0);
  });

  it('reduces large numbers by their common divisor, and says which are too large', () => {
    const fiveUsdAnHour = bucket(1e12, 5e9, 3_600_000);
    expect(scaleOf(fiveUsdAnHour)).toMatchObject({
      unitsPerToken: 9,
      unitsPerMs: 12_500,
      capacityUnits: 9e12,
    });
    expect(isExactBucket(fiveUsdAnHour)).toBe(true);
    expect(isExactBucket(bucket(1e12, 5e9 + 1, 3_600_000))).toBe(false);
    expect(isExactBucket(bucket(10, 0, 1_000))).toBe(false);
    expect(isExactBucket(bucket(10, 1, 0))).toBe(false);
    expect(isExactBucket(bucket(-1, 1, 1))).toBe(false);
    expect(isExactBucket(bucket(1.5, 1, 1))).toBe(false);
    expect(isExactBucket(bucket(1, 1, 2 ** 33))).toBe(false);
    expect(isExactBucket(bucket(0, 1, 1))).toBe(true);
  });

  it('has epochs that are as long as it takes to fill, at least', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e6 }),
        (maximum, amount, ms) => {
          const scale = scaleOf(bucket(maximum, amount, ms));
          const fillMs = refillTimeMs(scale.capacityUnits, 0, scale);
          expect(scale.epochMs).toBeGreaterThanOrEqual(Math.max(60_000, fillMs - 1));
          expect(scale.epochMs).toBeLessThanOrEqual(Math.max(60_000, 2 * fillMs));
        },
      ),
    );
  });
});
