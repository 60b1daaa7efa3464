import type { CalendarRule, CalendarUnit, Recurrence } from '../../common/recurrence.js';
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../common/time.js';
import type { CalendarDraft, FixedDraft, RecurrenceDraft } from './drafts.js';
import { checkTime } from './validate-time.js';
import { quote, type Violations } from './violations.js';

/** Asks the running tz data. The core has none of its own. */
export type IsTimeZone = (name: string) => boolean;

const NANOS_PER_MS = 1_000_000n;
const PERIOD: DurationRule = {
  leastMs: HOUR_MS,
  mostMs: 3_660 * DAY_MS,
  stepMs: SECOND_MS,
  bounds: 'from 1 hour to 3660 days',
  steps: 'whole seconds',
};
/** The longest IANA name has 32 characters. */
const TIME_ZONE_CHARACTERS_MAX = 64;

/** Stands in where the caller's value is wrong; see `violations.ts`. */
const STAND_IN: Recurrence = { kind: 'lifetime' };

const ANCHORED_BY_DAY: readonly CalendarUnit[] = ['month', 'quarter', 'year'];
const ANCHORED_BY_MONTH: readonly CalendarUnit[] = ['quarter', 'year'];
const UNITS_OF_PERIODS: readonly CalendarUnit[] = ['day', 'week', 'month', 'quarter', 'year'];

export interface DurationRule {
  readonly leastMs: number;
  readonly mostMs: number;
  readonly stepMs: number;
  /** The first two, and the third, in words. */
  readonly bounds: string;
  readonly steps: string;
}

export interface Place {
  /** Path of the message that holds the window or period, such as `limit`. */
  readonly path: string;
  readonly isTimeZone: IsTimeZone;
}

/** The period of a budget: a calendar from days to years, periods of equal length, or a lifetime. */
export function checkPeriod(
  draft: RecurrenceDraft | undefined,
  place: Place,
  found: Violations,
): Recurrence {
  switch (draft?.kind) {
    case 'lifetime':
      return { kind: 'lifetime' };
    case 'calendar':
      if (draft.unit !== undefined && !UNITS_OF_PERIODS.includes(draft.unit)) {
        found.add(`${place.path}.calendar.unit`, 'must be a day, week, month, quarter or year');
      }
      return checkCalendar(draft, place, found);
    case 'fixed':
      return checkFixed(draft, `${place.path}.fixed`, found);
    case 'duration':
    case undefined:
      found.add(
        `${place.path}.calendar`,
        'is missing: give a calendar, a fixed period or a lifetime',
      );
      return STAND_IN;
  }
}

/** What the caller would have to send to get this period. */
export function toPeriodDraft(period: Recurrence): RecurrenceDraft {
  if (period.kind === 'lifetime') return period;
  if (period.kind === 'calendar') return toCalendarDraft(period);
  const { durationMs, anchorMs } = period;
  return {
    kind: 'fixed',
    nanos: BigInt(durationMs) * NANOS_PER_MS,
    anchorMs: anchorMs === 0 ? undefined : anchorMs,
  };
}

/** What the caller would have to send to get this calendar. */
export const toCalendarDraft = (rule: CalendarRule): CalendarDraft => ({
  kind: 'calendar',
  ...rule,
  weekStart: rule.unit === 'week' ? rule.weekStart : 0,
  anchorDay: ANCHORED_BY_DAY.includes(rule.unit) ? rule.anchorDay : 0,
  anchorMonth: ANCHORED_BY_MONTH.includes(rule.unit) ? rule.anchorMonth : 0,
});

function checkFixed({ nanos, anchorMs }: FixedDraft, path: string, found: Violations): Recurrence {
  const anchor = checkTime(anchorMs, `${path}.anchor`, found);
  const field = `${path}.duration`;
  if (nanos === undefined) found.add(field, `is missing: say how long, ${PERIOD.bounds}`);
  const durationMs = nanos === undefined ? 0 : checkDuration(nanos, { ...PERIOD, field }, found);
  return { kind: 'duration', durationMs: durationMs ?? 0, anchorMs: anchor ?? 0 };
}

/** In milliseconds; undefined if it is none that the rule allows. */
export function checkDuration(
  nanos: bigint,
  rule: DurationRule & { readonly field: string },
  found: Violations,
): number | undefined {
  const isWithin =
    nanos >= BigInt(rule.leastMs) * NANOS_PER_MS && nanos <= BigInt(rule.mostMs) * NANOS_PER_MS;
  if (isWithin && nanos % (BigInt(rule.stepMs) * NANOS_PER_MS) === 0n) {
    return Number(nanos / NANOS_PER_MS);
  }
  found.add(rule.field, `must be ${isWithin ? rule.steps : rule.bounds}, but is ${seconds(nanos)}`);
  return undefined;
}

/** As decimal text, because a float would hide what is wrong. */
function seconds(nanos: bigint): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % 1_000_000_000n).toString().padStart(9, '0').replace(/0+$/, '');
  const text = `${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`} s`;
  return nanos < 0n ? `-${text}` : text;
}

/** A calendar unit in a time zone, and where its days, weeks, months and years begin. */
export function checkCalendar(draft: CalendarDraft, place: Place, found: Violations): Recurrence {
  const path = `${place.path}.calendar`;
  const unit = draft.unit;
  if (unit === undefined) {
    found.add(`${path}.unit`, 'must be a minute, hour, day, week, month, quarter or year');
    return STAND_IN;
  }
  return {
    kind: 'calendar',
    unit,
    timeZone: checkTimeZone(draft.timeZone, { ...place, path: `${path}.time_zone` }, found),
    weekStart: checkAnchor(
      draft.weekStart,
      { field: `${path}.week_start`, most: 7, allowed: unit === 'week', units: 'weeks' },
      found,
    ),
    anchorDay: checkAnchor(
      draft.anchorDay,
      {
        field: `${path}.anchor_day`,
        most: 31,
        allowed: ANCHORED_BY_DAY.includes(unit),
        units: 'months, quarters and years',
      },
      found,
    ),
    anchorMonth: checkAnchor(
      draft.anchorMonth,
      {
        field: `${path}.anchor_month`,
        most: 12,
        allowed: ANCHORED_BY_MONTH.includes(unit),
        units: 'quarters and years',
      },
      found,
    ),
  };
}

function checkTimeZone(name: string, place: Place, found: Violations): string {
  if (name === '') return 'UTC';
  if (name.length > TIME_ZONE_CHARACTERS_MAX || !place.isTimeZone(name)) {
    found.add(
      place.path,
      `must be an IANA time zone such as "Europe/Berlin", but is ${quote(name)}`,
    );
  }
  return name;
}

interface AnchorRule {
  readonly field: string;
  readonly most: number;
  readonly allowed: boolean;
  /** The units that have such an anchor, in words. */
  readonly units: string;
}

function checkAnchor(value: number, rule: AnchorRule, found: Violations): number {
  if (value === 0) return 1;
  if (!rule.allowed) found.add(rule.field, `is for ${rule.units} only; leave it out`);
  else if (!Number.isInteger(value) || value < 1 || value > rule.most) {
    found.add(rule.field, `must be from 1 to ${rule.most}, but is ${value}`);
  }
  return value;
}
