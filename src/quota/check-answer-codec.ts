/**
 * Writes answers to checks without making messages of them first (ADR 0038): the same bytes as the
 * generated encoder of what `fromCheckAnswer` makes, at a fraction of its cost. A test compares the two;
 * whoever adds a field to the proto file adds it here and there.
 */
import { LIFETIME } from '../common/interval-at.js';
import type { Interval, WallMs } from '../common/time.js';
import { Unit } from '../gen/weir/v1/common.js';
import { Decision, ItemError } from '../gen/weir/v1/quota_service.js';
import { WireWriter } from '../rpc/wire-writer.js';
import type { CheckAnswer } from './check-limit.service.js';
import type {
  LimitFacts,
  LimitVerdict,
  PolicyFacts,
  PolicyVerdict,
  Refusal,
} from './core/decision.js';
import type { GroupValues } from './core/group-values.js';
import { OWNER_KINDS, REASONS, UNITS } from './quota-proto.js';

/** What became of one check of a batch. */
export type CheckResult =
  | { readonly status: 'fulfilled'; readonly value: CheckAnswer }
  | { readonly status: 'failed'; readonly error: ItemError };

export function encodeCheckAnswer(answer: CheckAnswer): Buffer {
  writer.begin();
  writeAnswer(answer);
  return writer.finish();
}

/** A `BatchCheckLimitResponse`. */
export function encodeCheckResults(results: readonly CheckResult[]): Buffer {
  writer.begin();
  writeCheckResults(1, results);
  return writer.finish();
}

/** One for all messages with answers in them; what is written is copied out before the next one begins. */
export const writer = new WireWriter();

/** A list of `CheckLimitResult`. */
export function writeCheckResults(field: number, results: readonly CheckResult[]): void {
  for (let i = results.length - 1; i >= 0; i--) {
    const result = results[i];
    if (result === undefined) continue;
    const before = writer.written;
    if (result.status === 'fulfilled') {
      writeAnswer(result.value);
      writer.message(1, before);
    } else {
      writer.encoded(ItemError.encode(result.error).finish());
      writer.message(2, before);
    }
    writer.message(field, before);
  }
}

/** A `CheckLimitResponse`. Fields go from the last to the first, as the writer wants them. */
function writeAnswer({
  decision,
  virtualKeyId,
  reservation,
  isReplayed,
  isUnheld,
  freshnessMs,
}: CheckAnswer): void {
  if (freshnessMs !== undefined) writeDuration(12, freshnessMs);
  writer.true(11, isUnheld === true);
  writer.true(10, isReplayed === true);
  if (reservation !== undefined) {
    writeTimestamp(9, reservation.expiresAt);
    writer.text(8, reservation.id);
  }
  writer.text(7, virtualKeyId);
  const { verdicts, affordableNanos } = decision;
  if (affordableNanos !== undefined) writer.presentInt64(6, affordableNanos);
  for (let i = verdicts.length - 1; i >= 0; i--) {
    const verdict = verdicts[i];
    if (verdict !== undefined) writeStatus(5, verdict);
  }
  if (decision.kind === 'deny') {
    if (decision.retryAfterMs !== undefined) writeDuration(4, decision.retryAfterMs);
    writer.text(3, decision.bindingPolicyId ?? '');
    writer.integer(2, REASONS[decision.reason]);
    writer.integer(1, Decision.DECISION_DENY);
  } else writer.integer(1, Decision.DECISION_ALLOW);
}

/** A `PolicyStatus`. */
function writeStatus(field: number, verdict: PolicyVerdict): void {
  const { refusal, interval, policy } = verdict;
  const before = writer.written;
  if (verdict.kind === 'limit' && verdict.group !== undefined) writeGroup(12, verdict.group);
  if (refusal === undefined) writer.integer(10, 1);
  else writeRefusal(refusal);
  writer.true(9, policy.shadow);
  writeInterval(8, interval);
  if (verdict.kind === 'limit') writeCount(verdict.policy, verdict);
  else {
    writer.int64(7, verdict.heldNanos);
    writer.int64(6, verdict.remainingNanos);
    writer.int64(5, verdict.limitNanos);
    writer.integer(4, Unit.UNIT_NANO_USD);
  }
  writeFacts(policy);
  writer.message(field, before);
}

function writeRefusal({ retryAfterMs }: Refusal): void {
  if (retryAfterMs !== undefined) writeDuration(11, retryAfterMs);
}

/** A map: one message for each entry. */
function writeGroup(field: number, group: GroupValues): void {
  for (const [key, value] of Object.entries(group).reverse()) {
    const before = writer.written;
    writer.text(2, value);
    writer.text(1, key);
    writer.message(field, before);
  }
}

function writeCount({ maximum, unit }: LimitFacts, { remaining, held }: LimitVerdict): void {
  writer.integer(7, held);
  writer.integer(6, remaining);
  writer.integer(5, maximum);
  writer.integer(4, UNITS[unit]);
}

function writeFacts({ policyId, policyName, owner }: PolicyFacts): void {
  const before = writer.written;
  writer.text(2, owner.id);
  writer.integer(1, OWNER_KINDS[owner.kind]);
  writer.message(3, before);
  writer.text(2, policyName);
  writer.text(1, policyId);
}

function writeInterval(field: number, { start, end }: Interval): void {
  const before = writer.written;
  if (end < LIFETIME.end) writeTimestamp(2, end);
  writeTimestamp(1, start);
  writer.message(field, before);
}

function writeTimestamp(field: number, at: WallMs): void {
  const seconds = Math.floor(at / 1_000);
  writeSeconds(field, seconds, Math.round(at - seconds * 1_000) * 1_000_000);
}

function writeDuration(field: number, ms: number): void {
  const whole = Math.ceil(ms);
  const seconds = Math.floor(whole / 1_000);
  writeSeconds(field, seconds, (whole - seconds * 1_000) * 1_000_000);
}

/** A `Timestamp` or a `Duration`, which look the same. */
function writeSeconds(field: number, seconds: number, nanos: number): void {
  const before = writer.written;
  writer.integer(2, nanos);
  if (seconds >= 0) writer.integer(1, seconds);
  else writer.int64(1, BigInt(seconds));
  writer.message(field, before);
}
