import * as common from '../gen/weir/v1/common.js';
import * as proto from '../gen/weir/v1/governance_service.js';
import type { LimitDraft, WindowDraft } from './core/drafts.js';
import type { Limit, LimitAlgorithmKind, LimitScope, LimitUnit } from './core/model.js';
import { toWindowDraft as windowDraftOf } from './core/validate-algorithm.js';
import {
  FALLBACKS,
  fromCalendar,
  fromFallback,
  fromMatch,
  fromNanos,
  fromOwner,
  fromTimes,
  keyOf,
  toCalendarDraft,
  toMatchDraft,
  toNanos,
  toOwnerDraft,
} from './policy-proto.js';

/** Limits; see `governance-proto.ts`. */
export const toLimitDraft = (message: proto.Limit): LimitDraft => ({
  id: message.id,
  name: message.name,
  owner: toOwnerDraft(message.owner),
  unit: UNITS.get(message.unit) ?? 'unknown',
  maximum: message.maximum,
  algorithm: ALGORITHMS.get(message.algorithm) ?? 'unknown',
  window: toWindowDraft(message.window),
  match: toMatchDraft(message.match),
  shadow: message.shadow,
  groupBy: message.groupBy,
  groupsMax: message.groupsMax,
  onUnavailable: FALLBACKS.get(message.onUnavailable) ?? 'unknown',
  scope: SCOPES.get(message.scope) ?? 'unknown',
});

export const fromLimit = (limit: Limit): proto.Limit => ({
  id: limit.id,
  name: limit.name,
  owner: fromOwner(limit.owner),
  unit: keyOf(UNITS, limit.unit) ?? UNIT_UNKNOWN,
  maximum: BigInt(limit.maximum),
  algorithm: keyOf(ALGORITHMS, limit.algorithm.kind) ?? ALGORITHM_UNKNOWN,
  window: fromWindow(windowDraftOf(limit.algorithm)),
  match: fromMatch(limit.match),
  shadow: limit.shadow,
  ...fromTimes(limit),
  groupBy: [...(limit.groupBy?.keys ?? [])],
  groupsMax: limit.groupBy?.groupsMax,
  onUnavailable: fromFallback(limit.onUnavailable),
  scope: keyOf(SCOPES, limit.scope) ?? proto.Scope.SCOPE_UNSPECIFIED,
});

const UNIT_UNKNOWN = common.Unit.UNIT_UNSPECIFIED;
const ALGORITHM_UNKNOWN = proto.Algorithm.ALGORITHM_UNSPECIFIED;

const UNITS = new Map<common.Unit, LimitUnit | 'default'>([
  [UNIT_UNKNOWN, 'default'],
  [common.Unit.UNIT_REQUESTS, 'requests'],
  [common.Unit.UNIT_TOKENS, 'tokens'],
  [common.Unit.UNIT_NANO_USD, 'nano_usd'],
]);

const ALGORITHMS = new Map<proto.Algorithm, LimitAlgorithmKind | 'default'>([
  [ALGORITHM_UNKNOWN, 'default'],
  [proto.Algorithm.ALGORITHM_SLIDING_WINDOW, 'sliding_window'],
  [proto.Algorithm.ALGORITHM_FIXED_WINDOW, 'fixed_window'],
  [proto.Algorithm.ALGORITHM_TOKEN_BUCKET, 'token_bucket'],
  [proto.Algorithm.ALGORITHM_CONCURRENCY, 'concurrency'],
]);

const SCOPES = new Map<proto.Scope, LimitScope | 'default'>([
  [proto.Scope.SCOPE_UNSPECIFIED, 'default'],
  [proto.Scope.SCOPE_GLOBAL, 'global'],
  [proto.Scope.SCOPE_REGION, 'region'],
]);

function toWindowDraft(window: proto.Limit['window']): WindowDraft | undefined {
  switch (window?.$case) {
    case undefined:
      return undefined;
    case 'duration':
      return { kind: 'duration', nanos: toNanos(window.value) };
    case 'calendar':
      return toCalendarDraft(window.value);
    case 'refill': {
      const { amount, interval } = window.value;
      return { kind: 'refill', amount, nanos: interval && toNanos(interval) };
    }
    case 'hold':
      return { kind: 'hold', nanos: window.value.ttl && toNanos(window.value.ttl) };
  }
}

function fromWindow(window: WindowDraft): proto.Limit['window'] {
  switch (window.kind) {
    case 'duration':
      return { $case: 'duration', value: fromNanos(window.nanos) };
    case 'calendar':
      return { $case: 'calendar', value: fromCalendar(window) };
    case 'refill': {
      const interval = window.nanos === undefined ? undefined : fromNanos(window.nanos);
      return { $case: 'refill', value: { amount: window.amount, interval } };
    }
    case 'hold':
      return {
        $case: 'hold',
        value: { ttl: window.nanos === undefined ? undefined : fromNanos(window.nanos) },
      };
  }
}
