import type { Interval } from '../../common/time.js';
import type { LimitFacts, LimitVerdict, Refusal } from './decision.js';

/** What a counter said to a demand; the shape of a reading of `counters`. */
interface LimitReading {
  readonly window: Interval;
  readonly counted: number;
  readonly remaining: number;
  readonly admits: boolean;
  readonly retryAfterMs: number | undefined;
}

/** A provisional take is decided in about this time; a refusal that it causes says to ask again then. */
export const PROVISIONAL_RETRY_MS = 10;

export function limitVerdict(
  policy: LimitFacts,
  { window, remaining, counted }: LimitReading,
  refusal: Refusal | undefined,
  group: LimitVerdict['group'],
): LimitVerdict {
  const held = policy.isConcurrency ? counted : 0;
  return { kind: 'limit', policy, interval: window, remaining, held, group, refusal };
}

/**
 * Why a counter that does not admit `amount` refuses it. `provisional` is counted by calls whose budgets
 * are being decided, and given back if a budget denies.
 */
export function limitRefusal(
  { maximum, isConcurrency }: LimitFacts,
  reading: LimitReading,
  amount: number,
  provisional: number,
): Refusal {
  const { retryAfterMs } = reading;
  if (amount > maximum) return { reason: 'TOO_LARGE', retryAfterMs: undefined };
  if (isConcurrency) return { reason: 'HELD_BY_OTHERS', retryAfterMs };
  if (provisional > 0 && reading.counted - provisional + amount <= maximum)
    return { reason: 'HELD_BY_OTHERS', retryAfterMs: PROVISIONAL_RETRY_MS };
  return { reason: 'RATE_LIMITED', retryAfterMs };
}
