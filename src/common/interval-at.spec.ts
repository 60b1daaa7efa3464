import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { IntervalCache, IntervalMemo, intervalAt, LIFETIME } from './interval-at.js';
import type { CalendarRule, Recurrence } from './recurrence.js';
import { type Interval, type WallMs, wallMs } from './time.js';

const ZONES = Intl.supportedValuesOf('timeZone');
const UNITS = ['minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
const FIRST_MS = Date.UTC(1970, 0, 1);
const LAST_MS = Date.UTC(2100, 0, 1);

const at = (text: string): WallMs => wallMs(Date.parse(text));

const text = (interval: Interval): readonly string[] =>
  [interval.start, interval.end].map((ms) => new Date(ms).toISOString());

function calendar(rule: Partial<CalendarRule>): Recurrence {
  const usual = {
    unit: 'day',
    timeZone: 'UTC',
    weekStart: 1,
    anchorDay: 1,
    anchorMonth: 1,
  } as const;
  return { kind: 'calendar', ...usual, ...rule };
}

/** The four sentences that together say: the intervals around `now` tile time. */
function expectTiles(recurrence: Recurrence, now: WallMs): void {
  const interval = intervalAt(recurrence, now);
  const where = `${JSON.stringify(recurrence)} at ${now}`;
  const tiles =
    interval.start <= now &&
    now < interval.end &&
    intervalAt(recurrence, interval.start).end === interval.end &&
    intervalAt(recurrence, wallMs(interval.end - 1)).start === interval.start &&
    intervalAt(recurrence, interval.end).start === interval.end &&
    intervalAt(recurrence, wallMs(interval.start - 1)).end === interval.start;
  expect([where, tiles]).toEqual([where, true]);
}

const calendars = fc.record({
  kind: fc.constant('calendar' as const),
  unit: fc.constantFrom(...UNITS),
  timeZone: fc.constantFrom(...ZONES),
  weekStart: fc.integer({ min: 1, max: 7 }),
  anchorDay: fc.integer({ min: 1, max: 31 }),
  anchorMonth: fc.integer({ min: 1, max: 12 }),
});

const instants = fc.integer({ min: FIRST_MS, max: LAST_MS }).map(wallMs);

describe('intervalAt', () => {
  it('tiles time with any calendar at any instant', () => {
    fc.assert(fc.property(calendars, instants, expectTiles), { numRuns: 300 });
  });

  it('tiles time in every zone', () => {
    for (const [i, timeZone] of ZONES.entries()) {
      const now = wallMs(FIRST_MS + ((i * 7919) % 130) * 31_556_952_000);
      expectTiles(
        calendar({ timeZone, unit: UNITS[i % UNITS.length] ?? 'day', anchorDay: 31 }),
        now,
      );
    }
  });

  it('tiles time with any duration and anchor', () => {
    const durations = fc.record({
      kind: fc.constant('duration' as const),
      durationMs: fc.integer({ min: 1, max: 100 * 366 * 86_400_000 }),
      anchorMs: fc.integer({ min: FIRST_MS, max: LAST_MS }),
    });
    fc.assert(fc.property(durations, instants, expectTiles));
  });

  it('clamps the anchor day to the end of a shorter month, and springs back', () => {
    const rule = calendar({ unit: 'month', timeZone: 'Europe/Berlin', anchorDay: 31 });
    expect(text(intervalAt(rule, at('2026-02-10T00:00:00Z')))).toEqual([
      '2026-01-30T23:00:00.000Z',
      '2026-02-27T23:00:00.000Z',
    ]);
    expect(text(intervalAt(rule, at('2026-02-27T23:00:00Z')))).toEqual([
      '2026-02-27T23:00:00.000Z',
      '2026-03-30T22:00:00.000Z',
    ]);
  });

  it('clamps to February 29 in a leap year', () => {
    const rule = calendar({ unit: 'month', anchorDay: 30 });
    expect(text(intervalAt(rule, at('2028-03-01T00:00:00Z')))[0]).toBe('2028-02-29T00:00:00.000Z');
    expect(text(intervalAt(rule, at('2027-03-01T00:00:00Z')))[0]).toBe('2027-02-28T00:00:00.000Z');
  });

  it('knows days of 23 and of 25 hours', () => {
    const hours = (now: string): number => {
      const day = intervalAt(calendar({ timeZone: 'America/New_York' }), at(now));
      return (day.end - day.start) / 3_600_000;
    };
    expect(hours('2026-03-08T12:00:00Z')).toBe(23);
    expect(hours('2026-11-01T12:00:00Z')).toBe(25);
  });

  it('begins a day whose midnight does not exist at the first instant after it', () => {
    const day = intervalAt(calendar({ timeZone: 'Africa/Cairo' }), at('2026-04-24T12:00:00Z'));
    expect(text(day)).toEqual(['2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z']);
  });

  it('begins a day whose midnight comes twice at the first of the two', () => {
    const day = intervalAt(calendar({ timeZone: 'America/Havana' }), at('2025-11-02T12:00:00Z'));
    expect(text(day)).toEqual(['2025-11-02T04:00:00.000Z', '2025-11-03T05:00:00.000Z']);
  });

  it('skips a day that a zone skipped', () => {
    const day = intervalAt(calendar({ timeZone: 'Pacific/Apia' }), at('2011-12-30T10:00:00Z'));
    expect(text(day)).toEqual(['2011-12-30T10:00:00.000Z', '2011-12-31T10:00:00.000Z']);
  });

  it('tiles where the clock goes back over midnight', () => {
    const transition = at('2010-11-07T02:31:00Z');
    for (let minute = -90; minute <= 90; minute++) {
      const now = wallMs(transition + minute * 60_000);
      for (const unit of UNITS) expectTiles(calendar({ unit, timeZone: 'America/St_Johns' }), now);
    }
  });

  it('tiles hours where the clock moves by half an hour', () => {
    for (const transition of [at('2026-04-04T15:00:00Z'), at('2026-10-03T15:30:00Z')]) {
      for (let minute = -120; minute <= 120; minute += 5) {
        const now = wallMs(transition + minute * 60_000);
        expectTiles(calendar({ unit: 'hour', timeZone: 'Australia/Lord_Howe' }), now);
      }
    }
  });

  it('aligns hours to the local clock', () => {
    const rule = calendar({ unit: 'hour', timeZone: 'Asia/Kathmandu' });
    expect(text(intervalAt(rule, at('2026-01-01T00:20:00Z')))).toEqual([
      '2026-01-01T00:15:00.000Z',
      '2026-01-01T01:15:00.000Z',
    ]);
  });

  it('starts a week on the day that the rule says', () => {
    const weekOf = (weekStart: number): string | undefined =>
      text(intervalAt(calendar({ unit: 'week', weekStart }), at('2026-08-26T12:00:00Z')))[0];
    expect(weekOf(1)).toBe('2026-08-24T00:00:00.000Z');
    expect(weekOf(3)).toBe('2026-08-26T00:00:00.000Z');
    expect(weekOf(4)).toBe('2026-08-20T00:00:00.000Z');
    expect(weekOf(7)).toBe('2026-08-23T00:00:00.000Z');
  });

  it('starts quarters and years in the month of the anchor', () => {
    const now = at('2026-08-26T12:00:00Z');
    const quarter = calendar({ unit: 'quarter', anchorMonth: 2, anchorDay: 15 });
    expect(text(intervalAt(quarter, now))).toEqual([
      '2026-08-15T00:00:00.000Z',
      '2026-11-15T00:00:00.000Z',
    ]);
    const year = calendar({ unit: 'year', anchorMonth: 10 });
    expect(text(intervalAt(year, now))).toEqual([
      '2025-10-01T00:00:00.000Z',
      '2026-10-01T00:00:00.000Z',
    ]);
  });

  it('has one interval for a lifetime', () => {
    expect(intervalAt({ kind: 'lifetime' }, at('2026-01-01T00:00:00Z'))).toBe(LIFETIME);
  });

  it('refuses a duration that is no positive integer', () => {
    for (const durationMs of [0, -1, 0.5, Number.NaN]) {
      const rule = { kind: 'duration', durationMs, anchorMs: 0 } as const;
      expect(() => intervalAt(rule, wallMs(0))).toThrow('positive integer');
    }
  });
});

describe('IntervalCache', () => {
  it('answers as intervalAt does, and remembers the last interval of each recurrence', () => {
    const cache = new IntervalCache();
    const month = calendar({ unit: 'month', timeZone: 'Europe/Berlin' });
    const day = calendar({});
    const first = cache.intervalAt(month, at('2026-01-15T00:00:00Z'));
    cache.intervalAt(day, at('2026-01-15T00:00:00Z'));
    expect(cache.intervalAt(month, wallMs(first.end - 1))).toBe(first);
    expect(cache.intervalAt(month, first.end)).toEqual(intervalAt(month, first.end));
    expect(cache.intervalAt(month, wallMs(first.end - 1))).toEqual(first);
  });
});

describe('IntervalMemo', () => {
  it('moves on when the interval has ended, and back when the clock went back', () => {
    const minute = { kind: 'duration', durationMs: 60_000, anchorMs: 0 } as const;
    const memo = new IntervalMemo(minute, wallMs(0));
    expect(memo.at(wallMs(59_999))).toEqual({ start: 0, end: 60_000 });
    expect(memo.at(wallMs(60_000))).toEqual({ start: 60_000, end: 120_000 });
    expect(memo.at(wallMs(1))).toEqual({ start: 0, end: 60_000 });
  });
});
