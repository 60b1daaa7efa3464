import { wallMs } from '../common/time.js';
import * as proto from '../gen/weir/v1/governance_service.js';
import { toTimestamp } from '../rpc/proto-time.js';
import type { BudgetDraft, GrantDraft, RecurrenceDraft } from './core/drafts.js';
import type { Budget, ExpiryPolicy, Grant } from './core/model.js';
import { toPeriodDraft as periodDraftOf } from './core/validate-recurrence.js';
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
  toMs,
  toNanos,
  toOwnerDraft,
} from './policy-proto.js';

/** Budgets and grants; see `governance-proto.ts`. */
export const toBudgetDraft = (message: proto.Budget): BudgetDraft => ({
  id: message.id,
  name: message.name,
  owner: toOwnerDraft(message.owner),
  amountNanos: message.amountNanos,
  period: toPeriodDraft(message.period),
  match: toMatchDraft(message.match),
  shadow: message.shadow,
  onExpiry: EXPIRY_POLICIES.get(message.onExpiry) ?? 'unknown',
  onUnavailable: FALLBACKS.get(message.onUnavailable) ?? 'unknown',
  onUnpriced: FALLBACKS.get(message.onUnpriced) ?? 'unknown',
  thresholdPercents: message.thresholdPercents,
  carryOver: message.carryOver,
});

export const fromBudget = (budget: Budget): proto.Budget => ({
  id: budget.id,
  name: budget.name,
  owner: fromOwner(budget.owner),
  amountNanos: budget.amountNanos,
  period: fromPeriod(periodDraftOf(budget.period)),
  match: fromMatch(budget.match),
  shadow: budget.shadow,
  ...fromTimes(budget),
  onExpiry: keyOf(EXPIRY_POLICIES, budget.onExpiry) ?? EXPIRY_UNKNOWN,
  onUnavailable: fromFallback(budget.onUnavailable),
  onUnpriced: fromFallback(budget.onUnpriced),
  thresholdPercents: [...budget.thresholdPercents],
  carryOver: budget.carryOver && { ...budget.carryOver },
});

export const toGrantDraft = (message: proto.Grant): GrantDraft => ({
  id: message.id,
  budgetId: message.budgetId,
  amountNanos: message.amountNanos,
  startsAtMs: toMs(message.startsAt),
  endsAtMs: toMs(message.endsAt),
  reason: message.reason,
  actor: message.actor,
});

export const fromGrant = (grant: Grant): proto.Grant => ({
  id: grant.id,
  budgetId: grant.budgetId,
  amountNanos: grant.amountNanos,
  startsAt: toTimestamp(grant.startsAt),
  endsAt: toTimestamp(grant.endsAt),
  reason: grant.reason,
  actor: grant.actor,
  createdAt: toTimestamp(grant.createdAt),
});

const EXPIRY_UNKNOWN = proto.ExpiryPolicy.EXPIRY_POLICY_UNSPECIFIED;

const EXPIRY_POLICIES = new Map<proto.ExpiryPolicy, ExpiryPolicy | 'default'>([
  [EXPIRY_UNKNOWN, 'default'],
  [proto.ExpiryPolicy.EXPIRY_POLICY_RELEASE, 'release'],
  [proto.ExpiryPolicy.EXPIRY_POLICY_CHARGE_FLOOR, 'charge_floor'],
  [proto.ExpiryPolicy.EXPIRY_POLICY_CHARGE_ESTIMATE, 'charge_estimate'],
]);

function toPeriodDraft(period: proto.Budget['period']): RecurrenceDraft | undefined {
  switch (period?.$case) {
    case undefined:
      return undefined;
    case 'calendar':
      return toCalendarDraft(period.value);
    case 'lifetime':
      return { kind: 'lifetime' };
    case 'fixed': {
      const { duration, anchor } = period.value;
      return { kind: 'fixed', nanos: duration && toNanos(duration), anchorMs: toMs(anchor) };
    }
  }
}

function fromPeriod(period: RecurrenceDraft): proto.Budget['period'] {
  switch (period.kind) {
    case 'calendar':
      return { $case: 'calendar', value: fromCalendar(period) };
    case 'lifetime':
      return { $case: 'lifetime', value: {} };
    case 'fixed': {
      const duration = period.nanos === undefined ? undefined : fromNanos(period.nanos);
      return { $case: 'fixed', value: { duration, anchor: fromMs(period.anchorMs) } };
    }
    case 'duration':
      return undefined;
  }
}

const fromMs = (ms: number | undefined): proto.FixedPeriod['anchor'] =>
  ms === undefined ? undefined : toTimestamp(wallMs(ms));
