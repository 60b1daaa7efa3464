/** Whatever is committed right after a poll has looked is here within the interval. */
import { expect, it } from '@jest/globals';
import { pauseBetweenPolls } from './poll-pause.js';

const INTERVAL_MS = 1_000;

it.each([0, 1, 20, 225])('a poll of %d ms is followed by one that ends in time', (tookMs) => {
  const looked = 0;
  const ended = looked + tookMs;
  const nextEnds = ended + pauseBetweenPolls(INTERVAL_MS, tookMs) + tookMs;
  expect(nextEnds).toBeGreaterThan(0.9 * INTERVAL_MS);
  expect(nextEnds).toBeLessThan(INTERVAL_MS);
});

it.each([251, 1_000, 60_000])(
  'polls of %d ms leave the database half of the interval',
  (tookMs) => {
    expect(pauseBetweenPolls(INTERVAL_MS, tookMs)).toBe(INTERVAL_MS / 2);
  },
);
