/**
 * The decision over many policies (ADR 0004). Each policy that matches a call gives one verdict; the
 * call may go ahead if no enforced policy refuses it. Of several that refuse, the one that will admit
 * last binds: whoever waits for it has waited for all.
 */
import type { Interval } from '../../common/time.js';

export type DenyReason =
  | 'RATE_LIMITED'
  | 'BUDGET_EXHAUSTED'
  | 'HELD_BY_OTHERS'
  | 'TOO_LARGE'
  | 'KEY_REQUIRED'
  | 'KEY_UNKNOWN'
  | 'KEY_INACTIVE'
  | 'KEY_EXPIRED'
  | 'PROVIDER_NOT_ALLOWED'
  | 'MODEL_NOT_ALLOWED'
  | 'UNPRICED';

/** What answers say of a policy whatever was counted. One object for each version of a policy. */
export interface PolicyFacts {
  readonly policyId: string;
  readonly policyName: string;
  readonly owner: { readonly kind: OwnerKind; readonly id: string };
  readonly shadow: boolean;
}

export interface LimitFacts extends PolicyFacts {
  readonly unit: 'requests' | 'tokens' | 'nano_usd';
  /** What the window holds. */
  readonly maximum: number;
  /** Counts calls under way. */
  readonly isConcurrency: boolean;
}

/** The state of one policy after the call was decided, and what it said to the call. */
export type PolicyVerdict = LimitVerdict | BudgetVerdict;

/** Numbers and not bigint, which cost more than the rest of the decision. */
export interface LimitVerdict {
  readonly kind: 'limit';
  readonly policy: LimitFacts;
  readonly interval: Interval;
  /** Never below zero. */
  readonly remaining: number;
  /** What calls under way hold of it. 0 unless it counts concurrency. */
  readonly held: number;
  /** The values that name its counter, if it has one for each. */
  readonly group: Readonly<Record<string, string>> | undefined;
  /** Undefined: the policy has room for the call. */
  readonly refusal: Refusal | undefined;
}

export interface BudgetVerdict {
  readonly kind: 'budget';
  readonly policy: PolicyFacts;
  readonly interval: Interval;
  readonly limitNanos: bigint;
  /** May be negative. */
  readonly remainingNanos: bigint;
  readonly heldNanos: bigint;
  readonly refusal: Refusal | undefined;
}

type OwnerKind = 'root' | 'customer' | 'team' | 'virtual_key';

export interface Refusal {
  readonly reason: DenyReason;
  /** Until the policy would admit the same call, if nothing else is counted. Undefined: never. */
  readonly retryAfterMs: number | undefined;
}

export type Decision =
  | {
      readonly kind: 'allow';
      readonly verdicts: readonly PolicyVerdict[];
      readonly affordableNanos: bigint | undefined;
    }
  | {
      readonly kind: 'deny';
      readonly reason: DenyReason;
      /** Undefined if no policy was asked: the key itself was refused. */
      readonly bindingPolicyId: string | undefined;
      readonly retryAfterMs: number | undefined;
      readonly verdicts: readonly PolicyVerdict[];
      readonly affordableNanos: bigint | undefined;
    };

export function decide(verdicts: readonly PolicyVerdict[]): Decision {
  const affordableNanos = affordable(verdicts);
  const binding = bindingRefusal(verdicts);
  if (binding === undefined) return { kind: 'allow', verdicts, affordableNanos };
  return { kind: 'deny', ...binding, verdicts, affordableNanos };
}

/** A call that is refused for its key alone, before any policy is asked. */
export function denyKey(reason: DenyReason): Decision {
  return {
    kind: 'deny',
    reason,
    bindingPolicyId: undefined,
    retryAfterMs: undefined,
    verdicts: [],
    affordableNanos: undefined,
  };
}

interface Binding extends Refusal {
  readonly bindingPolicyId: string;
}

function bindingRefusal(verdicts: readonly PolicyVerdict[]): Binding | undefined {
  let binding: Binding | undefined;
  for (const { policy, refusal } of verdicts) {
    if (refusal === undefined || policy.shadow) continue;
    if (binding === undefined || isLater(refusal, binding))
      binding = { ...refusal, bindingPolicyId: policy.policyId };
  }
  return binding;
}

/** Whether `a` admits after `b` does. Never is later than any time; of equals the first one stays. */
function isLater(a: Refusal, b: Refusal): boolean {
  if (b.retryAfterMs === undefined) return false;
  return a.retryAfterMs === undefined || a.retryAfterMs > b.retryAfterMs;
}

/** The least that any enforced budget has left, at least zero. */
function affordable(verdicts: readonly PolicyVerdict[]): bigint | undefined {
  let least: bigint | undefined;
  for (const verdict of verdicts) {
    if (verdict.kind === 'limit' || verdict.policy.shadow) continue;
    const { remainingNanos } = verdict;
    if (least === undefined || remainingNanos < least) least = remainingNanos;
  }
  if (least === undefined) return undefined;
  return least > 0n ? least : 0n;
}
