import { describe, expect, it } from '@jest/globals';
import { nextConsulIndex } from './consul-index.js';

describe('the index of blocking queries', () => {
  it.each([
    ['moves on', 5n, '7', 7n],
    ['stays', 7n, '7', 7n],
    ['starts anew when it goes back', 7n, '6', 0n],
    ['never waits on nothing', 0n, '0', 1n],
    ['starts anew without a header', 7n, undefined, 0n],
    ['starts anew on garbage', 7n, 'seven', 0n],
    ['starts anew on a negative one', 7n, '-8', 0n],
    ['is exact beyond 2^53', 9_007_199_254_740_992n, '9007199254740993', 9_007_199_254_740_993n],
  ])('%s', (_, previous, header, next) => {
    expect(nextConsulIndex(previous, header)).toBe(next);
  });
});
