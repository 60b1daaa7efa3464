import type { Recurrence } from '../../common/recurrence.js';
import type { WallMs } from '../../common/time.js';

/**
 * What an operator declares: owners, keys, policies and prices. Plain values; how they are stored is
 * the concern of `policy-store.ts`, how they reach a replica's memory that of the directory.
 */
export type OwnerKind = 'root' | 'customer' | 'team' | 'virtual_key';

/** Who a policy is attached to. The root's id is empty. */
export interface Owner {
  readonly kind: OwnerKind;
  readonly id: string;
}

interface Recorded {
  /** Prefix and ULID, or whatever the operator chose: letters, digits, `_`, `-`, `.`, at most 64. */
  readonly id: string;
  readonly createdAt: WallMs;
  readonly updatedAt: WallMs;
}

export interface Customer extends Recorded {
  readonly name: string;
}

export interface Team extends Recorded {
  readonly name: string;
  readonly customerId: string | undefined;
}

export interface VirtualKey extends Recorded {
  readonly name: string;
  readonly teamId: string | undefined;
  /** Follows the team, if there is one. */
  readonly customerId: string | undefined;
  readonly active: boolean;
  /** The first instant at which the key is no longer valid. */
  readonly expiresAt: WallMs | undefined;
  /** Names, `*`, or a prefix and `*`. A list that is given denies what it does not name. */
  readonly allowedProviders: readonly string[] | undefined;
  readonly allowedModels: readonly string[] | undefined;
  /** The first characters of the secret, to recognise it by. */
  readonly secretHint: string;
  /** SHA-256 of the secret, lower-case hexadecimal. */
  readonly secretHash: string;
}

/** Which calls a policy applies to. An empty condition holds for every call. */
export interface Match {
  readonly providers: readonly string[];
  readonly models: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

interface Policy extends Recorded {
  readonly name: string;
  readonly owner: Owner;
  readonly match: Match;
  /** Counts and reports, never denies. */
  readonly shadow: boolean;
  /**
   * Part of the counter's key. Rises when a change gives the counter another meaning (window,
   * algorithm, unit, group by, time zone), so that the new one begins empty.
   */
  readonly generation: number;
}

/** What to do with a call that a policy cannot decide. */
export type Fallback = 'deny' | 'allow';

/** Which replicas count together: those of all regions, or of each region. */
export type LimitScope = 'global' | 'region';

export type LimitUnit = 'requests' | 'tokens' | 'nano_usd';

/** How a limit counts, and when what was counted is free again. */
export type LimitAlgorithm =
  /** The window is a duration. */
  | { readonly kind: 'sliding_window'; readonly window: Recurrence }
  /** The window is a duration or a calendar, never a lifetime. */
  | { readonly kind: 'fixed_window'; readonly window: Recurrence }
  /** What comes back in every `refillMs`: an integer, 1 or more. */
  | { readonly kind: 'token_bucket'; readonly refillAmount: number; readonly refillMs: number }
  /** How long a place is taken by a call that nobody settles or releases. */
  | { readonly kind: 'concurrency'; readonly holdMs: number };

export type LimitAlgorithmKind = LimitAlgorithm['kind'];

/** What a limit can keep its counters apart by. */
export type GroupKey =
  'virtual_key' | 'team' | 'customer' | 'provider' | 'model' | `label:${string}`;

/** One counter for each distinct value of all keys together. */
export interface GroupBy {
  /** At least one, in the order of {@link GroupKey}, labels by name. */
  readonly keys: readonly GroupKey[];
  /** Groups that come when so many are counted share one counter. */
  readonly groupsMax: number;
}

export interface Limit extends Policy {
  /** Concurrency counts requests. */
  readonly unit: LimitUnit;
  /** What may be counted at once, 0 to 2^53 - 1: of a token bucket its burst, 1 or more. */
  readonly maximum: number;
  readonly algorithm: LimitAlgorithm;
  /** Undefined: one counter for all calls. */
  readonly groupBy: GroupBy | undefined;
  /** While it cannot be decided, because all counters are in use. */
  readonly onUnavailable: Fallback;
  readonly scope: LimitScope;
}

/** What becomes of a reservation that nobody settles in time. */
export type ExpiryPolicy = 'release' | 'charge_floor' | 'charge_estimate';

/**
 * What a period hands on to the next: `min(max, max(min, what is left))`, fixed when the next one
 * begins. In nano-USD, `0 <= min <= max`.
 */
export interface CarryOver {
  readonly maxNanos: bigint;
  readonly minNanos: bigint;
  /** What was overspent is handed on, too. */
  readonly overage: boolean;
}

export interface Budget extends Policy {
  /** What a period holds, in nano-USD, 0 to 2^63 - 1. */
  readonly amountNanos: bigint;
  /** `calendar` from day to year, `duration` from an hour to 3660 days, or `lifetime`. */
  readonly period: Recurrence;
  readonly onExpiry: ExpiryPolicy;
  /** While the ledger is away. */
  readonly onUnavailable: Fallback;
  /** For a call whose cost must be estimated, and whose model has no price. */
  readonly onUnpriced: Fallback;
  /** Shares of the amount whose crossing is an event: 1 to 10 of them, 1 to 1000, rising. */
  readonly thresholdPercents: readonly number[];
  /** Undefined: every period begins with its amount. Never for a lifetime. */
  readonly carryOver: CarryOver | undefined;
}

/** A temporary increase of a budget. Never changed; it ends by its time. */
export interface Grant {
  readonly id: string;
  readonly budgetId: string;
  /** Above 0. */
  readonly amountNanos: bigint;
  readonly startsAt: WallMs;
  /** The first instant at which it is over. */
  readonly endsAt: WallMs;
  readonly reason: string;
  /** Who gave it. */
  readonly actor: string;
  readonly createdAt: WallMs;
}

/** Pico-USD per token. Each change makes a new revision; the old ones stay on record. */
export interface Price extends Recorded {
  readonly provider: string;
  readonly model: string;
  readonly revision: number;
  readonly inputPicos: bigint;
  /** Undefined: as input. */
  readonly cachedInputPicos: bigint | undefined;
  readonly outputPicos: bigint;
  /** Undefined: as output. */
  readonly reasoningPicos: bigint | undefined;
}

/** Every kind of record, by the name that changes and errors use for it. */
export interface RecordByKind {
  readonly customer: Customer;
  readonly team: Team;
  readonly virtual_key: VirtualKey;
  readonly limit: Limit;
  readonly budget: Budget;
  readonly price: Price;
}

export type RecordKind = keyof RecordByKind;
