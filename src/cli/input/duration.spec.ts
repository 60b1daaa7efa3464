import { describe, expect, it } from '@jest/globals';
import { formatDuration, parseDuration } from './duration.js';

describe('parseDuration', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    ['2w', 1_209_600_000],
    ['0s', 0],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    ['1M', /write `month`/],
    ['1mo', /write `month`/],
    ['3months', /write `month`/],
    ['1y', /write `year`/],
    ['1Q', /write `quarter`/],
    ['5min', /written `m`/],
    ['30', /30s/],
    ['1.5h', /number and a unit/],
    ['-5s', /number and a unit/],
    ['', /number and a unit/],
    ['soon', /number and a unit/],
    ['999999999999999d', /too long/],
  ])('refuses %j and says what to write', (text, why) => {
    expect(() => parseDuration(text)).toThrow(why);
  });
});

describe('formatDuration', () => {
  it.each([
    [0.2, '1ms'],
    [250, '250ms'],
    [1_500, '1.5s'],
    [10_000, '10s'],
    [125_000, '2m 5s'],
    [3_600_000, '1h'],
    [90_061_000, '1d 2h'],
  ])('writes %s ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
