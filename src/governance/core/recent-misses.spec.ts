import { describe, expect, it } from '@jest/globals';
import { monoMs } from '../../common/time.js';
import { RecentMisses } from './recent-misses.js';

describe('recent misses', () => {
  it('are forgotten when their time is over', () => {
    const misses = new RecentMisses({ sizeMax: 10, lifetimeMs: 1_000 });
    misses.add('a', monoMs(0));
    expect(misses.has('a', monoMs(999))).toBe(true);
    expect(misses.has('a', monoMs(1_000))).toBe(false);
    expect(misses.has('b', monoMs(0))).toBe(false);
  });

  it('are never more than allowed; the oldest goes', () => {
    const misses = new RecentMisses({ sizeMax: 100, lifetimeMs: 1_000 });
    for (let i = 0; i < 10_000; i++) misses.add(`${i}`, monoMs(0));
    expect(misses.size).toBe(100);
    expect([misses.has('9899', monoMs(0)), misses.has('9900', monoMs(0))]).toEqual([false, true]);
  });

  it('make room when they have ended', () => {
    const misses = new RecentMisses({ sizeMax: 100, lifetimeMs: 1_000 });
    for (let i = 0; i < 50; i++) misses.add(`${i}`, monoMs(0));
    misses.add('late', monoMs(1_000));
    expect(misses.size).toBe(1);
  });
});
