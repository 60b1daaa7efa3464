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
   * algorithm, unit, time zone), so that the new one begins empty.
   */
  readonly generation: number;
}

export type LimitUnit = 'requests';
export type LimitAlgorithm = 'sliding_window' | 'fixed_window';

export interface Limit extends Policy {
  readonly unit: LimitUnit;
  /** What a window holds, 0 to 2^53 - 1. */
  readonly maximum: number;
  readonly algorithm: LimitAlgorithm;
  /** `duration` for both algorithms; `calendar` for `fixed_window` only. Never `lifetime`. */
  readonly window: Recurrence;
}

export interface Budget extends Policy {
  /** What a period holds, in nano-USD, 0 to 2^63 - 1. */
  readonly amountNanos: bigint;
  /** `calendar` from day to year, or `lifetime`. */
  readonly period: Recurrence;
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
