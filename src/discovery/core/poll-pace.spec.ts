import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../common/seeded-random.js';
import { POLL_BOUNDS, POLL_DEFAULT_MS, pollWaitMs } from './poll-pace.js';

describe('pollWaitMs', () => {
  it.each([
    ['an answer that lives for no time', 0, POLL_BOUNDS.minMs],
    ['one that lives for 7 s', 7, 7_000],
    ['one that lives for a day', 86_400, POLL_BOUNDS.maxMs],
    ['one that tells nothing', undefined, POLL_DEFAULT_MS],
  ])('waits as %s allows, a tenth more or less', (_, ttlSeconds, ms) => {
    for (let seed = 0; seed < 100; seed++) {
      const waitMs = pollWaitMs(ttlSeconds, new SeededRandom(seed));
      expect(waitMs).toBeGreaterThanOrEqual(ms * 0.9);
      expect(waitMs).toBeLessThanOrEqual(ms * 1.1);
    }
  });
});
