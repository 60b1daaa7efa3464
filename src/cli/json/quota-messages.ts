import {
  type CheckLimitResponse,
  type CrossedThreshold,
  type DebitBudgetResponse,
  Decision,
  DenyReason,
  Durability,
  type GetUsageResponse,
  type Spend,
  type TokenUsage,
} from '../../gen/weir/v1/quota_service.js';
import { enumeration, flag, int32, int64, listOf, optional, text } from './codec.js';
import { message } from './message.js';
import { policyStatus } from './policy-messages.js';
import { duration, timestamp } from './well-known.js';

const tokenUsage = message<TokenUsage>({
  input: int64,
  cachedInput: int64,
  output: int64,
  reasoning: int64,
});

const spend = message<Spend>({
  debits: int64,
  amountNanos: int64,
  usage: optional(tokenUsage),
});

export const checkLimitResponse = message<CheckLimitResponse>({
  decision: enumeration<Decision>(Decision),
  reason: enumeration<DenyReason>(DenyReason),
  bindingPolicyId: text,
  retryAfter: optional(duration),
  statuses: listOf(policyStatus),
  affordableNanos: optional(int64),
  virtualKeyId: text,
  reservationId: text,
  reservationExpiresAt: optional(timestamp),
  replayed: flag,
  unheld: flag,
  freshness: optional(duration),
});

const crossedThreshold = message<CrossedThreshold>({ budgetId: text, percent: int32 });

export const debitBudgetResponse = message<DebitBudgetResponse>({
  debitId: text,
  amountNanos: int64,
  replayed: flag,
  priceId: text,
  priceRevision: int32,
  recordedAt: optional(timestamp),
  statuses: listOf(policyStatus),
  virtualKeyId: text,
  late: flag,
  overageNanos: int64,
  durability: enumeration<Durability>(Durability),
  crossedThresholds: listOf(crossedThreshold),
});

export const getUsageResponse = message<GetUsageResponse>({
  statuses: listOf(policyStatus),
  spend: optional(spend),
});
