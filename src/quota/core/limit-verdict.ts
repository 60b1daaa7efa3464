import type { Interval } from '../../common/time.js';
import type { PolicyVerdict, Refusal } from './decision.js';

type PolicyFacts = Pick<PolicyVerdict, 'policyId' | 'policyName' | 'owner' | 'shadow'>;

/** What a counter said to a demand; the shape of a reading of `counters`. */
interface LimitReading {
  readonly window: Interval;
  readonly counted: number;
  readonly remaining: number;
  readonly admits: boolean;
  readonly retryAfterMs: number | undefined;
}

export interface LimitQuestion {
  readonly maximum: number;
  readonly amount: number;
  /** Counted by calls whose budgets are being decided, and given back if a budget denies. */
  readonly provisional: number;
}

/** A provisional take is decided in about this time; a refusal that it causes says to ask again then. */
export const PROVISIONAL_RETRY_MS = 10;

export function limitVerdict(
  policy: PolicyFacts,
  question: LimitQuestion,
  reading: LimitReading,
): PolicyVerdict {
  return {
    ...policy,
    unit: 'requests',
    limit: BigInt(question.maximum),
    remaining: BigInt(reading.remaining),
    held: 0n,
    interval: reading.window,
    refusal: reading.admits ? undefined : refusal(question, reading),
  };
}

function refusal(question: LimitQuestion, reading: LimitReading): Refusal {
  const { maximum, amount, provisional } = question;
  if (amount > maximum) return { reason: 'TOO_LARGE', retryAfterMs: undefined };
  if (provisional > 0 && reading.counted - provisional + amount <= maximum)
    return { reason: 'HELD_BY_OTHERS', retryAfterMs: PROVISIONAL_RETRY_MS };
  return { reason: 'RATE_LIMITED', retryAfterMs: reading.retryAfterMs };
}
