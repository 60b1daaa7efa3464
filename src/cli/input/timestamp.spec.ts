import { describe, expect, it } from '@jest/globals';
import { formatTimestamp, parseTimestamp } from './timestamp.js';

describe('parseTimestamp', () => {
  it.each([
    ['2026-08-01', 1_785_542_400n, 0],
    ['2026-08-01T00:00:00Z', 1_785_542_400n, 0],
    ['2026-08-01T02:00:00+02:00', 1_785_542_400n, 0],
    ['2026-08-01 00:00:00.000000001Z', 1_785_542_400n, 1],
    ['1969-12-31T23:59:59.5Z', -1n, 500_000_000],
  ])('reads %s', (text, seconds, nanos) => {
    expect(parseTimestamp(text)).toEqual({ seconds, nanos });
  });

  it.each([
    '2026-02-30',
    '2026-13-01',
    '2026-08-01T24:00:00Z',
    '2026-08-01T00:00:00',
    'tomorrow',
    '',
  ])('refuses %j', (text) => {
    expect(() => parseTimestamp(text)).toThrow(/2026-08-01T09:00:00Z/);
  });
});

describe('formatTimestamp', () => {
  it('writes as many decimals as there are', () => {
    expect(formatTimestamp({ seconds: 1_785_542_400n, nanos: 0 })).toBe('2026-08-01T00:00:00Z');
    expect(formatTimestamp({ seconds: 0n, nanos: 5_000_000 })).toBe('1970-01-01T00:00:00.005Z');
    expect(formatTimestamp({ seconds: 0n, nanos: 1 })).toBe('1970-01-01T00:00:00.000000001Z');
  });
});
