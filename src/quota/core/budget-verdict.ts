import type { Interval, WallMs } from '../../common/time.js';
import type { BudgetVerdict, PolicyFacts, Refusal } from './decision.js';

export interface BudgetState {
  /** What the period holds, grants and carry-over included. */
  readonly limitNanos: bigint;
  readonly postedNanos: bigint;
  /** Everything that is set aside, this call's own share included. */
  readonly heldNanos: bigint;
  readonly period: Interval;
  /** A period without end is never renewed. */
  readonly endless: boolean;
}

export interface BudgetQuestion {
  /** What the call needs; 0 if that is not known. */
  readonly amountNanos: bigint;
  /** How much of what is held is this call's own. */
  readonly ownNanos: bigint;
  /** When the first of the holds that are in the way ends. */
  readonly freesAt: WallMs | undefined;
}

/** Nothing is known to be in the way: a look, and no call. */
export const JUST_LOOKING: BudgetQuestion = { amountNanos: 0n, ownNanos: 0n, freesAt: undefined };

/** Where it is not known when a hold ends: calls in flight settle in seconds. */
export const HELD_RETRY_MS = 1_000;

/**
 * A call of known cost is admitted if all of it fits; one of unknown cost (0) while anything is left,
 * since what it will cost is only known when it is over.
 */
export function budgetVerdict(
  policy: PolicyFacts,
  state: BudgetState,
  question: BudgetQuestion,
  now: WallMs,
): BudgetVerdict {
  const { limitNanos, postedNanos, heldNanos, period } = state;
  const remaining = limitNanos - postedNanos - heldNanos;
  const needed = question.amountNanos > 0n ? question.amountNanos : 1n;
  const fits = needed <= remaining + question.ownNanos;
  return {
    kind: 'budget',
    policy,
    interval: period,
    limitNanos,
    remainingNanos: remaining,
    heldNanos,
    refusal: fits ? undefined : refusal(state, needed, question.freesAt, now),
  };
}

function refusal(
  { limitNanos, postedNanos, period, endless }: BudgetState,
  needed: bigint,
  freesAt: WallMs | undefined,
  now: WallMs,
): Refusal {
  if (needed > limitNanos && limitNanos > 0n)
    return { reason: 'TOO_LARGE', retryAfterMs: undefined };
  if (postedNanos + needed <= limitNanos) {
    const retryAfterMs = freesAt === undefined ? HELD_RETRY_MS : Math.max(1, freesAt - now);
    return { reason: 'HELD_BY_OTHERS', retryAfterMs };
  }
  const retryAfterMs = endless || limitNanos === 0n ? undefined : period.end - now;
  return { reason: 'BUDGET_EXHAUSTED', retryAfterMs };
}
