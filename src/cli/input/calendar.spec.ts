import { describe, expect, it } from '@jest/globals';
import { CalendarUnit } from '../../gen/weir/v1/common.js';
import { parsePer, periodOf, windowOf } from './calendar.js';

describe('parsePer', () => {
  it('tells a duration from a calendar unit', () => {
    expect(parsePer('1m')).toEqual({ kind: 'duration', durationMs: 60_000 });
    expect(parsePer('minute')).toEqual({
      kind: 'calendar',
      unit: CalendarUnit.CALENDAR_UNIT_MINUTE,
    });
    expect(parsePer('month')).toEqual({ kind: 'calendar', unit: CalendarUnit.CALENDAR_UNIT_MONTH });
  });

  it.each([
    ['1M', /`month`/],
    ['days', /Write `day`/],
    ['Days', /Write `day`/],
    ['0s', /longer than nothing/],
    ['fortnight', /number and a unit/],
  ])('refuses %s', (text, why) => {
    expect(() => parsePer(text)).toThrow(why);
  });
});

describe('windowOf', () => {
  it('keeps whole and half seconds', () => {
    expect(windowOf({ per: parsePer('1500ms') })).toEqual({
      $case: 'duration',
      value: { seconds: 1n, nanos: 500_000_000 },
    });
  });

  it('puts the time zone into the calendar', () => {
    const window = windowOf({ per: parsePer('day'), timeZone: 'Europe/Berlin' });
    expect(window).toMatchObject({ $case: 'calendar', value: { timeZone: 'Europe/Berlin' } });
  });

  it('refuses a calendar option without a calendar', () => {
    expect(() => windowOf({ per: parsePer('1d'), timeZone: 'UTC' })).toThrow(/--time-zone needs/);
    expect(() => windowOf({ anchorDay: 3 })).toThrow(/--anchor-day/);
    expect(windowOf({})).toBeUndefined();
  });

  it('refuses a lifetime', () => {
    expect(() => windowOf({ per: parsePer('lifetime') })).toThrow(/for budgets/);
  });
});

describe('periodOf', () => {
  const anchor = { seconds: 1_785_715_200n, nanos: 0 };

  it('takes a lifetime, and periods of equal length', () => {
    expect(periodOf({ per: parsePer('lifetime') })).toEqual({ $case: 'lifetime', value: {} });
    expect(periodOf({ per: parsePer('30d'), anchor })).toEqual({
      $case: 'fixed',
      value: { duration: { seconds: 2_592_000n, nanos: 0 }, anchor },
    });
  });

  it('refuses an anchor of what has none, and a calendar option without a calendar', () => {
    expect(() => periodOf({ per: parsePer('month'), anchor })).toThrow(/--anchor needs/);
    expect(() => periodOf({ per: parsePer('lifetime'), anchor })).toThrow(/--anchor needs/);
    expect(() => periodOf({ anchor })).toThrow(/--anchor needs/);
    expect(() => periodOf({ per: parsePer('30d'), anchorDay: 3 })).toThrow(/--anchor-day/);
  });
});
