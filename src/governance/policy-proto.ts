import type { CalendarUnit } from '../common/recurrence.js';
import type { WallMs } from '../common/time.js';
import * as common from '../gen/weir/v1/common.js';
import { Fallback as FallbackMessage } from '../gen/weir/v1/governance_service.js';
import type { Duration } from '../gen/google/protobuf/duration.js';
import type { Timestamp } from '../gen/google/protobuf/timestamp.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type { CalendarDraft, MatchDraft, OwnerDraft } from './core/drafts.js';
import type { Fallback, OwnerKind } from './core/model.js';

/** What the messages of limits and budgets have in common, in both directions. */
export const toOwnerDraft = (message: common.Owner | undefined): OwnerDraft | undefined =>
  message && { kind: OWNER_KINDS.get(message.kind), id: message.id };

const OWNER_KINDS = new Map<common.OwnerKind, OwnerKind>([
  [common.OwnerKind.OWNER_KIND_ROOT, 'root'],
  [common.OwnerKind.OWNER_KIND_CUSTOMER, 'customer'],
  [common.OwnerKind.OWNER_KIND_TEAM, 'team'],
  [common.OwnerKind.OWNER_KIND_VIRTUAL_KEY, 'virtual_key'],
]);

const CALENDAR_UNITS = new Map<common.CalendarUnit, CalendarUnit>([
  [common.CalendarUnit.CALENDAR_UNIT_MINUTE, 'minute'],
  [common.CalendarUnit.CALENDAR_UNIT_HOUR, 'hour'],
  [common.CalendarUnit.CALENDAR_UNIT_DAY, 'day'],
  [common.CalendarUnit.CALENDAR_UNIT_WEEK, 'week'],
  [common.CalendarUnit.CALENDAR_UNIT_MONTH, 'month'],
  [common.CalendarUnit.CALENDAR_UNIT_QUARTER, 'quarter'],
  [common.CalendarUnit.CALENDAR_UNIT_YEAR, 'year'],
]);

/** By the numbers of ISO 8601, which are also those of the messages. */
const WEEKDAYS: readonly common.Weekday[] = [
  common.Weekday.WEEKDAY_UNSPECIFIED,
  common.Weekday.WEEKDAY_MONDAY,
  common.Weekday.WEEKDAY_TUESDAY,
  common.Weekday.WEEKDAY_WEDNESDAY,
  common.Weekday.WEEKDAY_THURSDAY,
  common.Weekday.WEEKDAY_FRIDAY,
  common.Weekday.WEEKDAY_SATURDAY,
  common.Weekday.WEEKDAY_SUNDAY,
];

export function keyOf<K, V>(map: ReadonlyMap<K, V>, wanted: V | undefined): K | undefined {
  for (const [key, value] of map) if (value === wanted) return key;
  return undefined;
}

export const FALLBACKS = new Map<FallbackMessage, Fallback | 'default'>([
  [FallbackMessage.FALLBACK_UNSPECIFIED, 'default'],
  [FallbackMessage.FALLBACK_DENY, 'deny'],
  [FallbackMessage.FALLBACK_ALLOW, 'allow'],
]);

export const fromFallback = (fallback: Fallback): FallbackMessage =>
  keyOf(FALLBACKS, fallback) ?? FallbackMessage.FALLBACK_UNSPECIFIED;

export const toCalendarDraft = (calendar: common.Calendar): CalendarDraft => ({
  kind: 'calendar',
  unit: CALENDAR_UNITS.get(calendar.unit),
  timeZone: calendar.timeZone,
  weekStart: calendar.weekStart,
  anchorDay: calendar.anchorDay,
  anchorMonth: calendar.anchorMonth,
});

export const fromCalendar = (calendar: CalendarDraft): common.Calendar => ({
  unit: keyOf(CALENDAR_UNITS, calendar.unit) ?? common.CalendarUnit.CALENDAR_UNIT_UNSPECIFIED,
  timeZone: calendar.timeZone,
  weekStart: WEEKDAYS[calendar.weekStart] ?? common.Weekday.WEEKDAY_UNSPECIFIED,
  anchorDay: calendar.anchorDay,
  anchorMonth: calendar.anchorMonth,
});

export const toMatchDraft = (match: common.Match | undefined): MatchDraft =>
  match ?? { providers: [], models: [], labels: {} };

export const fromMatch = (match: MatchDraft): common.Match => ({
  providers: [...match.providers],
  models: [...match.models],
  labels: { ...match.labels },
});

export const fromOwner = ({ kind, id }: OwnerDraft): common.Owner => ({
  kind: keyOf(OWNER_KINDS, kind) ?? common.OwnerKind.OWNER_KIND_UNSPECIFIED,
  id,
});

export const fromTimes = (record: { readonly createdAt: WallMs; readonly updatedAt: WallMs }) => ({
  createdAt: toTimestamp(record.createdAt),
  updatedAt: toTimestamp(record.updatedAt),
});

/** A part of a millisecond survives, for the rules to find. */
export function toMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1_000 + timestamp.nanos / 1_000_000;
}

const NANOS_PER_SECOND = 1_000_000_000n;

export const toNanos = ({ seconds, nanos }: Duration): bigint =>
  seconds * NANOS_PER_SECOND + BigInt(nanos);

export const fromNanos = (nanos: bigint): Duration => ({
  seconds: nanos / NANOS_PER_SECOND,
  nanos: Number(nanos % NANOS_PER_SECOND),
});
