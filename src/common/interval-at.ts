/**
 * The interval of a recurrence that contains an instant: `f(recurrence, now)`, computed and never
 * stored as "last reset" (ADR 0003).
 *
 * Invariant: the intervals of one recurrence tile time. Calendar intervals therefore come from a
 * rising sequence of boundaries, and the local date of `now` is only the first guess at which two of
 * them enclose it: where a clock goes back over midnight (St. John's until 2011) the local date is
 * not monotone, and truncating it, as PostgreSQL's `date_trunc` does, gives intervals that overlap.
 */
import { Temporal } from 'temporal-polyfill';
import { assert, unreachable } from './assert.js';
import type { CalendarRule, IntervalFinder, Recurrence } from './recurrence.js';
import { HOUR_MS, type Interval, MINUTE_MS, type WallMs, wallMs } from './time.js';

/** All of time, as far as `google.protobuf.Timestamp` reaches: the years 1 to 9999. */
export const LIFETIME: Interval = {
  start: wallMs(-62_135_596_800_000),
  end: wallMs(253_402_300_799_999),
};

const EPOCH = Temporal.PlainDate.from('1970-01-01');

/** The days from Monday, 1969-12-29, to the epoch. */
const MONDAY_TO_EPOCH_DAYS = 3;

export function intervalAt(recurrence: Recurrence, now: WallMs): Interval {
  switch (recurrence.kind) {
    case 'duration':
      return durationInterval(recurrence.durationMs, recurrence.anchorMs, now);
    case 'calendar':
      return calendarInterval(recurrence, now);
    case 'lifetime':
      return LIFETIME;
    default:
      return unreachable(recurrence);
  }
}

/**
 * {@link intervalAt}, which costs tens of microseconds for a calendar, remembered: the last interval of
 * each recurrence object. A hit is one look-up and two comparisons, about 20 ns.
 */
export class IntervalCache implements IntervalFinder {
  private readonly last = new WeakMap<Recurrence, Interval>();

  intervalAt(recurrence: Recurrence, now: WallMs): Interval {
    const last = this.last.get(recurrence);
    if (last !== undefined && contains(last, now)) return last;
    const interval = intervalAt(recurrence, now);
    this.last.set(recurrence, interval);
    return interval;
  }
}

/** {@link intervalAt} for one recurrence: for those who keep it beside their policy. */
export class IntervalMemo {
  private last: Interval;

  constructor(
    private readonly recurrence: Recurrence,
    now: WallMs,
  ) {
    this.last = intervalAt(recurrence, now);
  }

  at(now: WallMs): Interval {
    if (!contains(this.last, now)) this.last = intervalAt(this.recurrence, now);
    return this.last;
  }
}

const contains = (interval: Interval, now: WallMs): boolean =>
  now >= interval.start && now < interval.end;

function durationInterval(durationMs: number, anchorMs: number, now: WallMs): Interval {
  assert(Number.isSafeInteger(durationMs) && durationMs > 0, 'a duration is a positive integer');
  const start = anchorMs + Math.floor((now - anchorMs) / durationMs) * durationMs;
  return { start: wallMs(start), end: wallMs(start + durationMs) };
}

function calendarInterval(rule: CalendarRule, now: WallMs): Interval {
  switch (rule.unit) {
    case 'minute':
      return clockInterval(MINUTE_MS, rule.timeZone, now);
    case 'hour':
      return clockInterval(HOUR_MS, rule.timeZone, now);
    case 'day':
      return dateInterval((n) => EPOCH.add({ days: n }), rule, now);
    case 'week':
      return dateInterval((n) => firstDayOfWeek(rule, n), rule, now);
    case 'month':
    case 'quarter':
    case 'year':
      return dateInterval((n) => firstDayOfMonths(rule, n), rule, now);
    default:
      return unreachable(rule.unit);
  }
}

/**
 * Minutes and hours as the local clock shows them. One that a change of offset cuts ends there, and
 * another begins: so they tile even where clocks move by half an hour (Lord Howe) or by 44 min 30 s
 * (Monrovia, 1972).
 */
function clockInterval(unitMs: number, timeZone: string, now: WallMs): Interval {
  const zoned = zonedAt(timeZone, now);
  const offsetMs = offsetMsOf(zoned);
  const start = Math.floor((now + offsetMs) / unitMs) * unitMs - offsetMs;
  const end = start + unitMs;
  return {
    start: wallMs(isOffsetAt(timeZone, start, offsetMs) ? start : lastTransition(timeZone, now)),
    end: wallMs(isOffsetAt(timeZone, end, offsetMs) ? end : nextTransition(zoned)),
  };
}

const zonedAt = (timeZone: string, ms: number): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(timeZone);

const offsetMsOf = (zoned: Temporal.ZonedDateTime): number => zoned.offsetNanoseconds / 1e6;

const isOffsetAt = (timeZone: string, ms: number, offsetMs: number): boolean =>
  offsetMsOf(zonedAt(timeZone, ms)) === offsetMs;

/** At or before `now`; Temporal's own search is for what is strictly before. */
function lastTransition(timeZone: string, now: WallMs): number {
  const transition = zonedAt(timeZone, now + 1).getTimeZoneTransition('previous');
  assert(transition !== null, `the offset of ${timeZone} changed without a transition`);
  return transition.epochMilliseconds;
}

function nextTransition(zoned: Temporal.ZonedDateTime): number {
  const transition = zoned.getTimeZoneTransition('next');
  assert(transition !== null, `the offset of ${zoned.timeZoneId} changes without a transition`);
  return transition.epochMilliseconds;
}

/** Days and longer: the two neighbouring boundaries that enclose `now`. */
function dateInterval(
  firstDay: (ordinal: number) => Temporal.PlainDate,
  rule: CalendarRule,
  now: WallMs,
): Interval {
  const boundary = (n: number): number => startOfDay(firstDay(n), rule.timeZone);
  let n = guessOrdinal(rule, zonedAt(rule.timeZone, now).toPlainDate());
  let start = boundary(n);
  while (now < start) start = boundary(--n);
  let end = boundary(n + 1);
  while (now >= end) {
    start = end;
    end = boundary(++n + 1);
  }
  return { start: wallMs(start), end: wallMs(end) };
}

/** Where local midnight does not exist the day begins at the first instant after it; twice: the first. */
const startOfDay = (date: Temporal.PlainDate, timeZone: string): number =>
  date.toZonedDateTime(timeZone).epochMilliseconds;

/** Right but for days before the anchor of their month, and for dates that a clock shows twice. */
function guessOrdinal(rule: CalendarRule, date: Temporal.PlainDate): number {
  if (rule.unit === 'day') return epochDays(date);
  if (rule.unit === 'week') return Math.floor((epochDays(date) - weekPhaseDays(rule)) / 7);
  const months = date.year * 12 + date.month - 1;
  return Math.floor((months - phaseMonths(rule)) / lengthMonths(rule));
}

const epochDays = (date: Temporal.PlainDate): number =>
  EPOCH.until(date, { largestUnit: 'days' }).days;

const weekPhaseDays = (rule: CalendarRule): number => rule.weekStart - 1 - MONDAY_TO_EPOCH_DAYS;

const firstDayOfWeek = (rule: CalendarRule, ordinal: number): Temporal.PlainDate =>
  EPOCH.add({ days: ordinal * 7 + weekPhaseDays(rule) });

const lengthMonths = (rule: CalendarRule): number =>
  rule.unit === 'year' ? 12 : rule.unit === 'quarter' ? 3 : 1;

const phaseMonths = (rule: CalendarRule): number =>
  rule.unit === 'month' ? 0 : rule.anchorMonth - 1;

/** From the rule each time and not from the interval before, so that Jan 31 is followed by Mar 31. */
function firstDayOfMonths(rule: CalendarRule, ordinal: number): Temporal.PlainDate {
  const months = ordinal * lengthMonths(rule) + phaseMonths(rule);
  return Temporal.PlainDate.from(
    { year: Math.floor(months / 12), month: (((months % 12) + 12) % 12) + 1, day: rule.anchorDay },
    { overflow: 'constrain' },
  );
}
