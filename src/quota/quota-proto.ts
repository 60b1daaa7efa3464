/** Between the messages of `weir.v1` and our own values; no decision is made here. */
import { status } from '@grpc/grpc-js';
import { DomainError } from '../common/domain-error.js';
import type { Duration } from '../gen/google/protobuf/duration.js';
import {
  type Owner as OwnerMessage,
  OwnerKind,
  type PolicyStatus,
  Unit,
} from '../gen/weir/v1/common.js';
import {
  type CheckLimitRequest,
  type CheckLimitResponse,
  type DebitBudgetRequest,
  type DebitBudgetResponse,
  Decision as DecisionMessage,
  DenyReason as DenyReasonMessage,
  Durability,
  type ExtendReservationRequest,
  type ExtendReservationResponse,
  type ReleaseReservationRequest,
  type ReleaseReservationResponse,
  type GetUsageResponse,
  type ItemError,
} from '../gen/weir/v1/quota_service.js';
import { grpcStatus } from '../rpc/grpc-status.js';
import { fromInterval } from '../rpc/proto-interval.js';
import { fromDuration, toDuration, toTimestamp } from '../rpc/proto-time.js';
import type { CheckAnswer } from './check-limit.service.js';
import type {
  DebitCall,
  RawCheck,
  RawExtend,
  RawRelease,
  ReservationName,
  Subject,
} from './core/calls.js';
import type { DenyReason, LimitFacts, PolicyFacts, PolicyVerdict } from './core/decision.js';
import type { DebitAnswer } from './debit-answer.js';
import type { ExtendAnswer, ReleaseAnswer } from './reservations.service.js';
import type { Usage } from './usage.service.js';

type OwnerName = PolicyFacts['owner']['kind'];
type SubjectMessage = CheckLimitRequest['subject'];

export function toSubject(subject: SubjectMessage): Subject {
  if (subject === undefined) return { kind: 'none' };
  if (subject.$case === 'virtualKey') return { kind: 'secret', secret: subject.value };
  return { kind: 'key', keyId: subject.value };
}

/** Field by field: to spread a message costs more than to decide it. */
export const toRawCheck = (request: CheckLimitRequest): RawCheck => ({
  subject: toSubject(request.subject),
  provider: request.provider,
  model: request.model,
  labels: request.labels,
  requests: request.requests,
  amountNanos: request.amountNanos,
  inputTokens: request.inputTokens,
  maxOutputTokens: request.maxOutputTokens,
  tokens: request.tokens,
  dryRun: request.dryRun,
  noHold: request.noHold,
  reservationKey: request.reservationKey,
  reserveTtlMs: optionalMs(request.reserveTtl),
});

export const toRawExtend = (request: ExtendReservationRequest): RawExtend => ({
  subject: toSubject(request.subject),
  reservation: toReservationName(request.reservation),
  reserveTtlMs: optionalMs(request.reserveTtl),
  addNanos: request.addNanos,
});

export const toRawRelease = (request: ReleaseReservationRequest): RawRelease => ({
  subject: toSubject(request.subject),
  reservation: toReservationName(request.reservation),
  refund: request.refund,
});

function toReservationName(name: DebitBudgetRequest['reservation']): ReservationName | undefined {
  if (name === undefined) return undefined;
  if (name.$case === 'reservationId') return { kind: 'id', id: name.value };
  return { kind: 'key', key: name.value };
}

export const toDebitCall = (request: DebitBudgetRequest): DebitCall => ({
  subject: toSubject(request.subject),
  provider: request.provider,
  model: request.model,
  labels: request.labels,
  idempotencyKey: request.idempotencyKey,
  amountNanos: request.amountNanos,
  tokens: request.usage ?? NO_TOKENS,
  countLimits: request.countLimits,
  reservation: toReservationName(request.reservation),
});

const NO_TOKENS = { input: 0n, cachedInput: 0n, output: 0n, reasoning: 0n };

export function fromCheckAnswer(answer: CheckAnswer): CheckLimitResponse {
  const { decision, virtualKeyId, reservation } = answer;
  const { verdicts, affordableNanos } = decision;
  const denied = decision.kind === 'deny' ? decision : undefined;
  return {
    decision: denied ? DecisionMessage.DECISION_DENY : DecisionMessage.DECISION_ALLOW,
    reason: denied ? REASONS[denied.reason] : DenyReasonMessage.DENY_REASON_UNSPECIFIED,
    bindingPolicyId: denied?.bindingPolicyId ?? '',
    retryAfter: optionalDuration(denied?.retryAfterMs),
    statuses: verdicts.map(fromVerdict),
    affordableNanos,
    virtualKeyId,
    reservationId: reservation?.id ?? '',
    reservationExpiresAt: reservation && toTimestamp(reservation.expiresAt),
    replayed: answer.isReplayed ?? false,
    unheld: answer.isUnheld ?? false,
    freshness: optionalDuration(answer.freshnessMs),
  };
}

export function fromExtendAnswer({ kind, reservation }: ExtendAnswer): ExtendReservationResponse {
  const denied = kind === 'denied';
  return {
    decision: denied ? DecisionMessage.DECISION_DENY : DecisionMessage.DECISION_ALLOW,
    reason: denied
      ? DenyReasonMessage.DENY_REASON_BUDGET_EXHAUSTED
      : DenyReasonMessage.DENY_REASON_UNSPECIFIED,
    reservationId: reservation.id,
    amountNanos: reservation.amountNanos,
    reservationExpiresAt: toTimestamp(reservation.expiresAt),
  };
}

export const fromReleaseAnswer = (answer: ReleaseAnswer): ReleaseReservationResponse => ({
  reservationId: answer.reservation.id,
  amountNanos: answer.reservation.amountNanos,
  replayed: answer.replayed,
});

export function fromDebitAnswer(answer: DebitAnswer): DebitBudgetResponse {
  const { facts, replayed, verdicts, virtualKeyId, late, overageNanos } = answer;
  return {
    debitId: facts.id,
    amountNanos: facts.amountNanos,
    replayed,
    priceId: facts.priceId,
    priceRevision: facts.priceRevision,
    recordedAt: toTimestamp(answer.recordedAt),
    statuses: verdicts.map(fromVerdict),
    virtualKeyId,
    late,
    overageNanos,
    durability: answer.journaled
      ? Durability.DURABILITY_JOURNALED
      : Durability.DURABILITY_COMMITTED,
    crossedThresholds: answer.crossed.map(({ budgetId, percent }) => ({ budgetId, percent })),
  };
}

export function fromUsage({ verdicts, spend }: Usage): GetUsageResponse {
  const { debits, amountNanos, tokens } = spend;
  return { statuses: verdicts.map(fromVerdict), spend: { debits, amountNanos, usage: tokens } };
}

/** The status that one item of a batch would have had as a call of its own. */
export function fromItemError(error: unknown): ItemError {
  if (!(error instanceof DomainError)) throw error;
  const violations = (error.details.violations ?? []).map((violation) => ({ ...violation }));
  return { code: grpcStatus[error.code] ?? status.UNKNOWN, message: error.message, violations };
}

export function fromVerdict(verdict: PolicyVerdict): PolicyStatus {
  const { refusal, policy } = verdict;
  const { unit, limit, remaining, held } = amountsOf(verdict);
  return {
    policyId: policy.policyId,
    policyName: policy.policyName,
    owner: { kind: OWNER_KINDS[policy.owner.kind], id: policy.owner.id },
    unit,
    limit,
    remaining,
    held,
    interval: fromInterval(verdict.interval),
    shadow: policy.shadow,
    admits: refusal === undefined,
    retryAfter: optionalDuration(refusal?.retryAfterMs),
    group: verdict.kind === 'limit' && verdict.group !== undefined ? { ...verdict.group } : {},
  };
}

function amountsOf(
  verdict: PolicyVerdict,
): Pick<PolicyStatus, 'unit' | 'limit' | 'remaining' | 'held'> {
  if (verdict.kind === 'budget') {
    const { limitNanos: limit, remainingNanos: remaining, heldNanos: held } = verdict;
    return { unit: Unit.UNIT_NANO_USD, limit, remaining, held };
  }
  const { policy, remaining, held } = verdict;
  const limit = BigInt(policy.maximum);
  return { unit: UNITS[policy.unit], limit, remaining: BigInt(remaining), held: BigInt(held) };
}

export function toOwnerKind(owner: OwnerMessage): OwnerName | undefined {
  return OWNER_NAMES[owner.kind];
}

const optionalMs = (duration: Duration | undefined): number | undefined =>
  duration && fromDuration(duration);

const optionalDuration = (ms: number | undefined) =>
  ms === undefined ? undefined : toDuration(ms);

export const UNITS: Readonly<Record<LimitFacts['unit'], Unit>> = {
  requests: Unit.UNIT_REQUESTS,
  tokens: Unit.UNIT_TOKENS,
  nano_usd: Unit.UNIT_NANO_USD,
};

export const OWNER_KINDS: Readonly<Record<OwnerName, OwnerKind>> = {
  root: OwnerKind.OWNER_KIND_ROOT,
  customer: OwnerKind.OWNER_KIND_CUSTOMER,
  team: OwnerKind.OWNER_KIND_TEAM,
  virtual_key: OwnerKind.OWNER_KIND_VIRTUAL_KEY,
};

const OWNER_NAMES: Partial<Record<OwnerKind, OwnerName>> = {
  [OwnerKind.OWNER_KIND_ROOT]: 'root',
  [OwnerKind.OWNER_KIND_CUSTOMER]: 'customer',
  [OwnerKind.OWNER_KIND_TEAM]: 'team',
  [OwnerKind.OWNER_KIND_VIRTUAL_KEY]: 'virtual_key',
};

export const REASONS: Readonly<Record<DenyReason, DenyReasonMessage>> = {
  RATE_LIMITED: DenyReasonMessage.DENY_REASON_RATE_LIMITED,
  BUDGET_EXHAUSTED: DenyReasonMessage.DENY_REASON_BUDGET_EXHAUSTED,
  HELD_BY_OTHERS: DenyReasonMessage.DENY_REASON_HELD_BY_OTHERS,
  TOO_LARGE: DenyReasonMessage.DENY_REASON_TOO_LARGE,
  KEY_REQUIRED: DenyReasonMessage.DENY_REASON_KEY_REQUIRED,
  KEY_UNKNOWN: DenyReasonMessage.DENY_REASON_KEY_UNKNOWN,
  KEY_INACTIVE: DenyReasonMessage.DENY_REASON_KEY_INACTIVE,
  KEY_EXPIRED: DenyReasonMessage.DENY_REASON_KEY_EXPIRED,
  PROVIDER_NOT_ALLOWED: DenyReasonMessage.DENY_REASON_PROVIDER_NOT_ALLOWED,
  MODEL_NOT_ALLOWED: DenyReasonMessage.DENY_REASON_MODEL_NOT_ALLOWED,
  UNPRICED: DenyReasonMessage.DENY_REASON_UNPRICED,
};
