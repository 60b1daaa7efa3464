import type { Interval, WallMs } from '../../common/time.js';

/** Tokens by kind; the kinds do not overlap. */
export interface TokenCounts {
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
}

/** The row that a budget's spending of one period is kept in. A period is a key: never reset. */
export interface PeriodKey {
  readonly budgetId: string;
  readonly generation: number;
  readonly period: Interval;
}

/** What one period of one budget has seen, in nano-USD. */
export interface Balance {
  readonly key: PeriodKey;
  readonly postedNanos: bigint;
  readonly heldNanos: bigint;
}

/** A fact to record: money that has been spent, and the periods it is posted to. */
export interface Debit {
  /** Ledger id, used if the key is new. */
  readonly id: string;
  /** What the idempotency key is unique in: the virtual key's id, or empty for calls without one. */
  readonly scope: string;
  readonly idempotencyKey: string;
  /** SHA-256 of everything in the request that changes its meaning, lower-case hexadecimal. */
  readonly bodyHash: string;
  readonly virtualKeyId: string;
  readonly teamId: string;
  readonly customerId: string;
  readonly provider: string;
  readonly model: string;
  readonly amountNanos: bigint;
  readonly tokens: TokenCounts;
  /** Empty if the caller gave the amount. */
  readonly priceId: string;
  readonly priceRevision: number;
  readonly postedTo: readonly PeriodKey[];
}

/** What was recorded the first time that the key was used. */
export interface DebitFacts {
  readonly id: string;
  readonly amountNanos: bigint;
  readonly priceId: string;
  readonly priceRevision: number;
  readonly recordedAt: WallMs;
  readonly postedTo: readonly PeriodKey[];
}

/** Whose debits to sum up. All of them for the root. */
export interface SpendQuery {
  readonly owner: {
    readonly kind: 'root' | 'customer' | 'team' | 'virtual_key';
    readonly id: string;
  };
  /** By the time of recording. Undefined: all that the ledger holds. */
  readonly interval: Interval | undefined;
}

export interface Spend {
  readonly debits: bigint;
  readonly amountNanos: bigint;
  readonly tokens: TokenCounts;
}
