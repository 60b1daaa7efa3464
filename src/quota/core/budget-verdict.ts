import type { Interval, WallMs } from '../../common/time.js';
import type { PolicyVerdict, Refusal } from './decision.js';

type PolicyFacts = Pick<PolicyVerdict, 'policyId' | 'policyName' | 'owner' | 'shadow'>;

export interface BudgetState {
  readonly amountNanos: bigint;
  readonly postedNanos: bigint;
  readonly heldNanos: bigint;
  readonly period: Interval;
  /** A period without end is never renewed. */
  readonly endless: boolean;
}

/** Calls in flight settle in seconds, and what they held and did not use comes back. */
export const HELD_RETRY_MS = 1_000;

/**
 * A call of known cost is admitted if all of it fits; one of unknown cost (0) while anything is left,
 * since what it will cost is only known when it is over.
 */
export function budgetVerdict(
  policy: PolicyFacts,
  state: BudgetState,
  amountNanos: bigint,
  now: WallMs,
): PolicyVerdict {
  const remaining = state.amountNanos - state.postedNanos - state.heldNanos;
  const needed = amountNanos > 0n ? amountNanos : 1n;
  return {
    ...policy,
    unit: 'nano_usd',
    limit: state.amountNanos,
    remaining,
    held: state.heldNanos,
    interval: state.period,
    refusal: needed <= remaining ? undefined : refusal(state, needed, now),
  };
}

function refusal(state: BudgetState, needed: bigint, now: WallMs): Refusal {
  if (needed > state.amountNanos && state.amountNanos > 0n)
    return { reason: 'TOO_LARGE', retryAfterMs: undefined };
  if (state.postedNanos + needed <= state.amountNanos)
    return { reason: 'HELD_BY_OTHERS', retryAfterMs: HELD_RETRY_MS };
  const retryAfterMs =
    state.endless || state.amountNanos === 0n ? undefined : state.period.end - now;
  return { reason: 'BUDGET_EXHAUSTED', retryAfterMs };
}
