import {
  type Calendar,
  CalendarUnit,
  type Interval,
  type Match,
  type Owner,
  OwnerKind,
  type PolicyStatus,
  Unit,
  Weekday,
} from '../../gen/weir/v1/common.js';
import {
  Algorithm,
  type AllowList,
  type Budget,
  type CarryOver,
  type Customer,
  ExpiryPolicy,
  Fallback,
  type FixedPeriod,
  type Grant,
  type Hold,
  type Lifetime,
  type Limit,
  type Price,
  type Refill,
  Scope,
  type Team,
  type VirtualKey,
} from '../../gen/weir/v1/governance_service.js';
import {
  enumeration,
  flag,
  int32,
  int64,
  listOf,
  optional,
  stringMap,
  text,
  uint32,
} from './codec.js';
import { message, oneof } from './message.js';
import { duration, timestamp } from './well-known.js';

const times = { createdAt: optional(timestamp), updatedAt: optional(timestamp) };

export const owner = message<Owner>({ kind: enumeration<OwnerKind>(OwnerKind), id: text });

const match = message<Match>({ providers: listOf(text), models: listOf(text), labels: stringMap });

const calendar = message<Calendar>({
  unit: enumeration<CalendarUnit>(CalendarUnit),
  timeZone: text,
  weekStart: enumeration<Weekday>(Weekday),
  anchorDay: int32,
  anchorMonth: int32,
});

const lifetime = message<Lifetime>({});

const fixed = message<FixedPeriod>({ duration: optional(duration), anchor: optional(timestamp) });

const refill = message<Refill>({ amount: int64, interval: optional(duration) });

const hold = message<Hold>({ ttl: optional(duration) });

const carryOver = message<CarryOver>({ maxNanos: int64, minNanos: int64, overage: flag });

const fallback = enumeration<Fallback>(Fallback);

const allowList = message<AllowList>({ names: listOf(text) });

export const interval = message<Interval>({
  start: optional(timestamp),
  end: optional(timestamp),
});

export const policyStatus = message<PolicyStatus>({
  policyId: text,
  policyName: text,
  owner: optional(owner),
  unit: enumeration<Unit>(Unit),
  limit: int64,
  remaining: int64,
  held: int64,
  interval: optional(interval),
  shadow: flag,
  admits: flag,
  retryAfter: optional(duration),
  group: stringMap,
});

export const customer = message<Customer>({ id: text, name: text, ...times });

export const team = message<Team>({ id: text, name: text, customerId: text, ...times });

export const virtualKey = message<VirtualKey>({
  id: text,
  name: text,
  teamId: text,
  customerId: text,
  active: flag,
  expiresAt: optional(timestamp),
  allowedProviders: optional(allowList),
  allowedModels: optional(allowList),
  secretHint: text,
  ...times,
});

export const limit = message<Limit>({
  id: text,
  name: text,
  owner: optional(owner),
  unit: enumeration<Unit>(Unit),
  maximum: int64,
  algorithm: enumeration<Algorithm>(Algorithm),
  window: oneof({ duration, calendar, refill, hold }),
  match: optional(match),
  shadow: flag,
  ...times,
  groupBy: listOf(text),
  groupsMax: optional(uint32),
  onUnavailable: fallback,
  scope: enumeration<Scope>(Scope),
});

export const budget = message<Budget>({
  id: text,
  name: text,
  owner: optional(owner),
  amountNanos: int64,
  period: oneof({ calendar, lifetime, fixed }),
  match: optional(match),
  shadow: flag,
  ...times,
  onExpiry: enumeration<ExpiryPolicy>(ExpiryPolicy),
  onUnavailable: fallback,
  onUnpriced: fallback,
  thresholdPercents: listOf(uint32),
  carryOver: optional(carryOver),
});

export const grant = message<Grant>({
  id: text,
  budgetId: text,
  amountNanos: int64,
  startsAt: optional(timestamp),
  endsAt: optional(timestamp),
  reason: text,
  actor: text,
  createdAt: optional(timestamp),
});

export const price = message<Price>({
  id: text,
  provider: text,
  model: text,
  inputPicoUsdPerToken: int64,
  cachedInputPicoUsdPerToken: optional(int64),
  outputPicoUsdPerToken: int64,
  reasoningPicoUsdPerToken: optional(int64),
  revision: int32,
  ...times,
});
