import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SeededRandom } from '../../common/seeded-random.js';
import { Backoff } from './backoff.js';

describe('Backoff', () => {
  it('doubles its waits up to the bound, each in the upper half of its range', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, failures) => {
        const backoff = new Backoff(new SeededRandom(seed), { firstMs: 100, maxMs: 5_000 });
        for (let i = 0; i < failures; i++) {
          const longest = Math.min(5_000, 100 * 2 ** i);
          const wait = backoff.failed();
          expect(wait).toBeGreaterThanOrEqual(longest / 2);
          expect(wait).toBeLessThanOrEqual(longest);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('begins anew after a success', () => {
    const backoff = new Backoff(new SeededRandom(1), { firstMs: 100, maxMs: 5_000 });
    for (let i = 0; i < 10; i++) backoff.failed();
    backoff.succeeded();
    expect(backoff.failed()).toBeLessThanOrEqual(100);
  });
});
