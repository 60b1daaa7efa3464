import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { type Interval, wallMs } from '../../common/time.js';
import { fadedCount, slidingFitsAt, type WindowCounts } from './sliding-window.js';

const slidingEstimate = ({ previous, current }: WindowCounts, interval: Interval, now: number) =>
  current + fadedCount(previous, interval, now);

const window = (start: number, lengthMs: number): Interval => ({
  start: wallMs(start),
  end: wallMs(start + lengthMs),
});

describe('sliding window', () => {
  it('weighs 80 of the older minute with 45 of 60 seconds (example 11)', () => {
    const minute = window(60_000, 60_000);
    expect(slidingEstimate({ previous: 80, current: 0 }, minute, 75_000)).toBe(60);
  });

  it('rounds up, so that a part of a request counts as one', () => {
    const minute = window(60_000, 60_000);
    expect(slidingEstimate({ previous: 1, current: 0 }, minute, 119_999)).toBe(1);
    expect(slidingEstimate({ previous: 80, current: 3 }, minute, 75_001)).toBe(63);
  });

  it('counts all of the older window at the very start', () => {
    expect(slidingEstimate({ previous: 80, current: 0 }, window(60, 60), 60)).toBe(80);
  });

  it('never rises while nothing is counted', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.integer({ min: 1, max: 300 }), (previous, lengthMs) => {
        for (let now = 1; now < lengthMs; now++)
          expect(
            slidingEstimate({ previous, current: 0 }, window(0, lengthMs), now),
          ).toBeLessThanOrEqual(
            slidingEstimate({ previous, current: 0 }, window(0, lengthMs), now - 1),
          );
      }),
    );
  });

  it('is never above what both windows counted, nor below what the current one did', () => {
    const counts = fc.record({ previous: fc.maxSafeNat(), current: fc.nat(1_000) });
    fc.assert(
      fc.property(counts, fc.nat(86_399_999), ({ previous, current }, now) => {
        const estimate = slidingEstimate({ previous, current: 0 }, window(0, 86_400_000), now);
        expect(estimate).toBeLessThanOrEqual(previous);
        expect(slidingEstimate({ previous: 0, current }, window(0, 86_400_000), now)).toBe(current);
      }),
    );
  });
});

describe('when a demand fits', () => {
  const scene = fc.record({
    previous: fc.nat(60),
    current: fc.nat(60),
    lengthMs: fc.integer({ min: 1, max: 100 }),
    room: fc.nat(40),
  });

  it('is the first millisecond that a search would find', () => {
    fc.assert(
      fc.property(scene, fc.nat(), ({ previous, current, lengthMs, room }, offset) => {
        const now = 1_000 + (offset % lengthMs);
        const counts = { previous, current };
        expect(slidingFitsAt(counts, window(1_000, lengthMs), now, room)).toBe(
          search(counts, { start: 1_000, lengthMs }, now, room),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

function search(
  counts: { previous: number; current: number },
  { start, lengthMs }: { start: number; lengthMs: number },
  from: number,
  room: number,
): number {
  for (let now = from; now < start + lengthMs; now++)
    if (slidingEstimate(counts, window(start, lengthMs), now) <= room) return now;
  const later = { previous: counts.current, current: 0 };
  for (let now = start + lengthMs; now < start + 2 * lengthMs; now++)
    if (slidingEstimate(later, window(start + lengthMs, lengthMs), now) <= room) return now;
  return start + 2 * lengthMs;
}
