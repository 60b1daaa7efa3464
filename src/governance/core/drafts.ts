import type { CalendarUnit } from '../../common/recurrence.js';
import type {
  Budget,
  CarryOver,
  Customer,
  ExpiryPolicy,
  Fallback,
  Grant,
  Limit,
  LimitAlgorithmKind,
  LimitScope,
  LimitUnit,
  OwnerKind,
  Price,
  Team,
  VirtualKey,
} from './model.js';

/**
 * What a caller asks for, before it is checked. A draft can hold whatever the wire can carry (an enum
 * value that does not exist, half a millisecond), so that one pass of the rules finds every fault.
 * Empty text stands for "not given", as on the wire.
 */
interface Draft {
  readonly id: string;
}

export interface CustomerDraft extends Draft {
  readonly name: string;
}

export interface TeamDraft extends Draft {
  readonly name: string;
  readonly customerId: string;
}

export interface VirtualKeyDraft extends Draft {
  readonly name: string;
  readonly teamId: string;
  readonly customerId: string;
  readonly active: boolean;
  /** Milliseconds since the epoch; NaN for what is no time. */
  readonly expiresAtMs: number | undefined;
  readonly allowedProviders: readonly string[] | undefined;
  readonly allowedModels: readonly string[] | undefined;
}

export interface OwnerDraft {
  /** Undefined: not given, or a kind that does not exist. */
  readonly kind: OwnerKind | undefined;
  readonly id: string;
}

export interface MatchDraft {
  readonly providers: readonly string[];
  readonly models: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

export interface CalendarDraft {
  readonly kind: 'calendar';
  readonly unit: CalendarUnit | undefined;
  /** Empty: UTC. */
  readonly timeZone: string;
  /** 1 is Monday; 0: not given. */
  readonly weekStart: number;
  /** 0: not given. */
  readonly anchorDay: number;
  /** 0: not given. */
  readonly anchorMonth: number;
}

/** The periods of a budget that are equally long. */
export interface FixedDraft {
  readonly kind: 'fixed';
  /** Undefined: not given. */
  readonly nanos: bigint | undefined;
  /** Milliseconds since the epoch, with a fraction for what is finer. Undefined: the epoch. */
  readonly anchorMs: number | undefined;
}

export interface DurationDraft {
  readonly kind: 'duration';
  readonly nanos: bigint;
}

export type RecurrenceDraft =
  DurationDraft | CalendarDraft | FixedDraft | { readonly kind: 'lifetime' };

interface PolicyDraft extends Draft {
  readonly name: string;
  readonly owner: OwnerDraft | undefined;
  readonly match: MatchDraft;
  readonly shadow: boolean;
}

/** What comes back into a token bucket. */
export interface RefillDraft {
  readonly kind: 'refill';
  readonly amount: bigint;
  /** Undefined: not given. */
  readonly nanos: bigint | undefined;
}

/** How long a place of a concurrency limit is taken. */
export interface HoldDraft {
  readonly kind: 'hold';
  /** Undefined: not given. */
  readonly nanos: bigint | undefined;
}

export type WindowDraft = DurationDraft | CalendarDraft | RefillDraft | HoldDraft;

export interface LimitDraft extends PolicyDraft {
  readonly unit: LimitUnit | 'default' | 'unknown';
  readonly maximum: bigint;
  readonly algorithm: LimitAlgorithmKind | 'default' | 'unknown';
  readonly window: WindowDraft | undefined;
  /** Empty: not given. */
  readonly groupBy: readonly string[];
  /** Undefined: not given. */
  readonly groupsMax: number | undefined;
  readonly onUnavailable: Fallback | 'default' | 'unknown';
  readonly scope: LimitScope | 'default' | 'unknown';
}

export interface BudgetDraft extends PolicyDraft {
  readonly amountNanos: bigint;
  readonly period: RecurrenceDraft | undefined;
  readonly onExpiry: ExpiryPolicy | 'default' | 'unknown';
  readonly onUnavailable: Fallback | 'default' | 'unknown';
  readonly onUnpriced: Fallback | 'default' | 'unknown';
  /** Empty: not given. */
  readonly thresholdPercents: readonly number[];
  readonly carryOver: CarryOver | undefined;
}

/** Not one of {@link DraftByKind}: grants are created and read, and nothing else. */
export interface GrantDraft extends Draft {
  readonly budgetId: string;
  readonly amountNanos: bigint;
  /** Milliseconds since the epoch, with a fraction for what is finer. Undefined: not given. */
  readonly startsAtMs: number | undefined;
  readonly endsAtMs: number | undefined;
  readonly reason: string;
  readonly actor: string;
}

export type GrantFields = Omit<Grant, 'id' | 'createdAt'>;

export interface PriceDraft extends Draft {
  readonly provider: string;
  readonly model: string;
  readonly inputPicos: bigint;
  readonly cachedInputPicos: bigint | undefined;
  readonly outputPicos: bigint;
  readonly reasoningPicos: bigint | undefined;
}

export interface DraftByKind {
  readonly customer: CustomerDraft;
  readonly team: TeamDraft;
  readonly virtual_key: VirtualKeyDraft;
  readonly limit: LimitDraft;
  readonly budget: BudgetDraft;
  readonly price: PriceDraft;
}

type Stamps = 'id' | 'createdAt' | 'updatedAt';

/** What of a record its author decides, checked and with defaults filled in. */
export interface FieldsByKind {
  readonly customer: Omit<Customer, Stamps>;
  readonly team: Omit<Team, Stamps>;
  readonly virtual_key: Omit<VirtualKey, Stamps | 'secretHint' | 'secretHash'>;
  readonly limit: Omit<Limit, Stamps | 'generation'>;
  readonly budget: Omit<Budget, Stamps | 'generation'>;
  readonly price: Omit<Price, Stamps | 'revision'>;
}
