import type { CalendarUnit } from '../common/recurrence.js';
import type { WallMs } from '../common/time.js';
import * as common from '../gen/weir/v1/common.js';
import * as proto from '../gen/weir/v1/governance_service.js';
import type { Duration } from '../gen/google/protobuf/duration.js';
import type { Timestamp } from '../gen/google/protobuf/timestamp.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type {
  BudgetDraft,
  CalendarDraft,
  CustomerDraft,
  LimitDraft,
  MatchDraft,
  OwnerDraft,
  PriceDraft,
  RecurrenceDraft,
  TeamDraft,
  VirtualKeyDraft,
} from './core/drafts.js';
import type { Budget, Customer, Limit, OwnerKind, Price, Team, VirtualKey } from './core/model.js';
import { toDraft } from './core/record-rules.js';
import { toRecurrenceDraft } from './core/validate-recurrence.js';

/**
 * Between the messages of `weir.v1.GovernanceService` and the domain. Nothing is decided or refused
 * here: a draft can say all that a message can, so that the rules find every fault at once.
 */
export const toCustomerDraft = ({ id, name }: proto.Customer): CustomerDraft => ({ id, name });

export const toTeamDraft = ({ id, name, customerId }: proto.Team): TeamDraft => ({
  id,
  name,
  customerId,
});

export const toVirtualKeyDraft = (message: proto.VirtualKey): VirtualKeyDraft => ({
  id: message.id,
  name: message.name,
  teamId: message.teamId,
  customerId: message.customerId,
  active: message.active,
  expiresAtMs: toMs(message.expiresAt),
  allowedProviders: message.allowedProviders?.names,
  allowedModels: message.allowedModels?.names,
});

export const toLimitDraft = (message: proto.Limit): LimitDraft => ({
  id: message.id,
  name: message.name,
  owner: toOwnerDraft(message.owner),
  unit: toUnit(message.unit),
  maximum: message.maximum,
  algorithm: toAlgorithm(message.algorithm),
  window: toWindowDraft(message.window),
  match: toMatchDraft(message.match),
  shadow: message.shadow,
});

export const toBudgetDraft = (message: proto.Budget): BudgetDraft => ({
  id: message.id,
  name: message.name,
  owner: toOwnerDraft(message.owner),
  amountNanos: message.amountNanos,
  period: toPeriodDraft(message.period),
  match: toMatchDraft(message.match),
  shadow: message.shadow,
});

export const toPriceDraft = (message: proto.Price): PriceDraft => ({
  id: message.id,
  provider: message.provider,
  model: message.model,
  inputPicos: message.inputPicoUsdPerToken,
  cachedInputPicos: message.cachedInputPicoUsdPerToken,
  outputPicos: message.outputPicoUsdPerToken,
  reasoningPicos: message.reasoningPicoUsdPerToken,
});

export const toOwnerDraft = (message: common.Owner | undefined): OwnerDraft | undefined =>
  message && { kind: OWNER_KINDS.get(message.kind), id: message.id };

export const fromCustomer = (customer: Customer): proto.Customer => ({
  id: customer.id,
  name: customer.name,
  ...fromTimes(customer),
});

export const fromTeam = (team: Team): proto.Team => ({
  id: team.id,
  name: team.name,
  customerId: team.customerId ?? '',
  ...fromTimes(team),
});

export const fromVirtualKey = (key: VirtualKey): proto.VirtualKey => ({
  id: key.id,
  name: key.name,
  teamId: key.teamId ?? '',
  customerId: key.customerId ?? '',
  active: key.active,
  expiresAt: key.expiresAt === undefined ? undefined : toTimestamp(key.expiresAt),
  allowedProviders: fromNames(key.allowedProviders),
  allowedModels: fromNames(key.allowedModels),
  secretHint: key.secretHint,
  ...fromTimes(key),
});

export const fromLimit = (limit: Limit): proto.Limit => ({
  id: limit.id,
  name: limit.name,
  owner: fromOwner(limit.owner),
  unit: common.Unit.UNIT_REQUESTS,
  maximum: toDraft('limit', limit).maximum,
  algorithm:
    limit.algorithm === 'sliding_window'
      ? proto.Algorithm.ALGORITHM_SLIDING_WINDOW
      : proto.Algorithm.ALGORITHM_FIXED_WINDOW,
  window: fromWindow(toRecurrenceDraft(limit.window)),
  match: fromMatch(limit.match),
  shadow: limit.shadow,
  ...fromTimes(limit),
});

export const fromBudget = (budget: Budget): proto.Budget => ({
  id: budget.id,
  name: budget.name,
  owner: fromOwner(budget.owner),
  amountNanos: budget.amountNanos,
  period: fromPeriod(toRecurrenceDraft(budget.period)),
  match: fromMatch(budget.match),
  shadow: budget.shadow,
  ...fromTimes(budget),
});

export const fromPrice = (price: Price): proto.Price => ({
  id: price.id,
  provider: price.provider,
  model: price.model,
  inputPicoUsdPerToken: price.inputPicos,
  cachedInputPicoUsdPerToken: price.cachedInputPicos,
  outputPicoUsdPerToken: price.outputPicos,
  reasoningPicoUsdPerToken: price.reasoningPicos,
  revision: price.revision,
  ...fromTimes(price),
});

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

function keyOf<K, V>(map: ReadonlyMap<K, V>, wanted: V | undefined): K | undefined {
  for (const [key, value] of map) if (value === wanted) return key;
  return undefined;
}

function toUnit(unit: common.Unit): LimitDraft['unit'] {
  if (unit === common.Unit.UNIT_UNSPECIFIED) return 'default';
  return unit === common.Unit.UNIT_REQUESTS ? 'requests' : 'unknown';
}

function toAlgorithm(algorithm: proto.Algorithm): LimitDraft['algorithm'] {
  switch (algorithm) {
    case proto.Algorithm.ALGORITHM_UNSPECIFIED:
      return 'default';
    case proto.Algorithm.ALGORITHM_SLIDING_WINDOW:
      return 'sliding_window';
    case proto.Algorithm.ALGORITHM_FIXED_WINDOW:
      return 'fixed_window';
    case proto.Algorithm.UNRECOGNIZED:
    default:
      return 'unknown';
  }
}

function toWindowDraft(window: proto.Limit['window']): RecurrenceDraft | undefined {
  if (window === undefined) return undefined;
  if (window.$case === 'calendar') return toCalendarDraft(window.value);
  return { kind: 'duration', nanos: toNanos(window.value) };
}

function toPeriodDraft(period: proto.Budget['period']): RecurrenceDraft | undefined {
  if (period === undefined) return undefined;
  return period.$case === 'calendar' ? toCalendarDraft(period.value) : { kind: 'lifetime' };
}

const toCalendarDraft = (calendar: common.Calendar): CalendarDraft => ({
  kind: 'calendar',
  unit: CALENDAR_UNITS.get(calendar.unit),
  timeZone: calendar.timeZone,
  weekStart: calendar.weekStart,
  anchorDay: calendar.anchorDay,
  anchorMonth: calendar.anchorMonth,
});

function fromWindow(window: RecurrenceDraft): proto.Limit['window'] {
  switch (window.kind) {
    case 'duration':
      return { $case: 'duration', value: fromNanos(window.nanos) };
    case 'calendar':
      return { $case: 'calendar', value: fromCalendar(window) };
    case 'lifetime':
      return undefined;
  }
}

function fromPeriod(period: RecurrenceDraft): proto.Budget['period'] {
  switch (period.kind) {
    case 'calendar':
      return { $case: 'calendar', value: fromCalendar(period) };
    case 'lifetime':
      return { $case: 'lifetime', value: {} };
    case 'duration':
      return undefined;
  }
}

const fromCalendar = (calendar: CalendarDraft): common.Calendar => ({
  unit: keyOf(CALENDAR_UNITS, calendar.unit) ?? common.CalendarUnit.CALENDAR_UNIT_UNSPECIFIED,
  timeZone: calendar.timeZone,
  weekStart: WEEKDAYS[calendar.weekStart] ?? common.Weekday.WEEKDAY_UNSPECIFIED,
  anchorDay: calendar.anchorDay,
  anchorMonth: calendar.anchorMonth,
});

const toMatchDraft = (match: common.Match | undefined): MatchDraft =>
  match ?? { providers: [], models: [], labels: {} };

const fromMatch = (match: MatchDraft): common.Match => ({
  providers: [...match.providers],
  models: [...match.models],
  labels: { ...match.labels },
});

const fromOwner = ({ kind, id }: OwnerDraft): common.Owner => ({
  kind: keyOf(OWNER_KINDS, kind) ?? common.OwnerKind.OWNER_KIND_UNSPECIFIED,
  id,
});

const fromNames = (names: readonly string[] | undefined): proto.AllowList | undefined =>
  names && { names: [...names] };

const fromTimes = (record: { readonly createdAt: WallMs; readonly updatedAt: WallMs }) => ({
  createdAt: toTimestamp(record.createdAt),
  updatedAt: toTimestamp(record.updatedAt),
});

/** A part of a millisecond survives, for the rules to find. */
function toMs(timestamp: Timestamp | undefined): number | undefined {
  return timestamp && Number(timestamp.seconds) * 1_000 + timestamp.nanos / 1_000_000;
}

const NANOS_PER_SECOND = 1_000_000_000n;

const toNanos = ({ seconds, nanos }: Duration): bigint =>
  seconds * NANOS_PER_SECOND + BigInt(nanos);

const fromNanos = (nanos: bigint): Duration => ({
  seconds: nanos / NANOS_PER_SECOND,
  nanos: Number(nanos % NANOS_PER_SECOND),
});
