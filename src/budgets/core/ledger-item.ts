/**
 * What the ledger decides, and what it answers: two closed unions (ADR 0020). A reservation goes from
 * held to committed, released or expired, and never back; money is held in the periods in which the
 * reservation was made, whatever the clock says later.
 */
import type { WallMs } from '../../common/time.js';
import type { Balance, Debit, DebitFacts, PeriodKey } from './ledger-model.js';

/** What becomes of a hold whose time is over: nothing is owed, the part that is sure, or all of it. */
export type ExpiryPolicy = 'release' | 'charge_floor' | 'charge_estimate';

/** A period of a budget, and how the budget stands at the time of the item. */
export interface PeriodLimit {
  readonly key: PeriodKey;
  /** What a period holds, without grants and carry-over: the ledger knows those. */
  readonly limitNanos: bigint;
  /** A shadow budget counts, and never refuses. */
  readonly isEnforced: boolean;
  /** Shares of the limit, in percent, whose crossing is an event. */
  readonly thresholdPercents: readonly number[];
}

/** Whom a call belongs to, and what it went to. */
export interface CallFacts {
  readonly virtualKeyId: string;
  readonly teamId: string;
  readonly customerId: string;
  readonly provider: string;
  readonly model: string;
}

/** Sets an amount aside in all of the periods, or in none. 0 passes while anything remains. */
export interface Hold extends CallFacts {
  readonly kind: 'hold';
  /** Id of the reservation, used if its key is new. */
  readonly id: string;
  readonly scope: string;
  /** The caller's own name for the reservation, unique in the scope. */
  readonly reservationKey: string;
  /** SHA-256 of everything in the request that changes its meaning, lower-case hexadecimal. */
  readonly bodyHash: string;
  readonly amountNanos: bigint;
  /** What is sure to be owed even if nobody settles; at most the amount is charged. */
  readonly floorNanos: bigint;
  readonly onExpiry: ExpiryPolicy;
  readonly ttlMs: number;
  readonly budgets: readonly PeriodLimit[];
  /** What limits took for the call, as text that only its writer reads; empty for nothing. */
  readonly takes: string;
}

/** How a caller names a reservation of its scope: by the ledger's id, or by its own key. */
export type ReservationName =
  { readonly kind: 'id'; readonly id: string } | { readonly kind: 'key'; readonly key: string };

/** Records what was spent, and settles a reservation if it names one. Never refused for lack of budget. */
export interface PostDebit {
  readonly kind: 'debit';
  readonly debit: Debit;
  readonly reservation: ReservationName | undefined;
  /** Those of the debit's periods whose thresholds are watched; best the same objects in the same order. */
  readonly watched: readonly PeriodLimit[];
}

export interface Release {
  readonly kind: 'release';
  readonly scope: string;
  readonly reservation: ReservationName;
}

/** More time for a hold, and more money if that fits. */
export interface Extend {
  readonly kind: 'extend';
  readonly scope: string;
  readonly reservation: ReservationName;
  /** From now; a hold is never shortened. */
  readonly ttlMs: number;
  readonly addNanos: bigint;
  /** What the budgets of the hold allow by now; one that is missing does not refuse. */
  readonly budgets: readonly PeriodLimit[];
}

/** Ends a hold by its policy once its time is over; forced: at once, and nothing is charged. */
export interface Expire {
  readonly kind: 'expire';
  readonly scope: string;
  readonly reservationId: string;
  /** Ledger id of what is charged, if anything is. */
  readonly entryId: string;
  readonly isForced: boolean;
}

export type LedgerItem = Hold | PostDebit | Release | Extend | Expire;

export type ReservationState = 'held' | 'committed' | 'released' | 'expired';

export interface ReservationFacts {
  readonly id: string;
  readonly scope: string;
  readonly reservationKey: string;
  readonly state: ReservationState;
  readonly amountNanos: bigint;
  /** What its expiry charged. */
  readonly chargedNanos: bigint;
  readonly expiresAt: WallMs;
  readonly heldIn: readonly PeriodKey[];
  readonly takes: string;
}

/** A balance, and what grants and carry-over add to the budget's limit in that period. */
export interface BudgetLevel extends Balance {
  readonly extraNanos: bigint;
}

/** A share of a budget's limit, in percent, that what is posted in a period has reached for the first time. */
export interface Crossing {
  readonly budgetId: string;
  readonly percent: number;
}

export type LedgerAnswer =
  | {
      readonly kind: 'held';
      readonly isReplayed: boolean;
      readonly reservation: ReservationFacts;
      /** In the order of the item's budgets, as they stood after it. */
      readonly levels: readonly BudgetLevel[];
    }
  | {
      readonly kind: 'denied';
      readonly levels: readonly BudgetLevel[];
      /** Indexes of the budgets that refused. */
      readonly refusedBy: readonly number[];
      /** When the first hold on a refusing budget ends at the latest; undefined if none is known. */
      readonly freesAt: WallMs | undefined;
    }
  | {
      readonly kind: 'posted';
      readonly isReplayed: boolean;
      /** The reservation had expired before it was settled. */
      readonly isLate: boolean;
      /** What the debit took beyond its reservation. */
      readonly overageNanos: bigint;
      readonly facts: DebitFacts;
      /** In the order of `facts.postedTo`, as they are by now. */
      readonly balances: readonly BudgetLevel[];
      /** Which thresholds it crossed when it was posted; each is crossed once for a budget and period. */
      readonly crossed: readonly Crossing[];
      /** What the settled reservation had taken from limits. */
      readonly takes: string;
    }
  | { readonly kind: 'released'; readonly reservation: ReservationFacts }
  | { readonly kind: 'extended'; readonly reservation: ReservationFacts }
  | { readonly kind: 'expired'; readonly reservation: ReservationFacts }
  /** The reservation is in another state than the item needs, or not due; nothing was done. */
  | { readonly kind: 'ended'; readonly reservation: ReservationFacts }
  /** The scope has no such reservation; nothing was done. */
  | { readonly kind: 'unknown' }
  /** The key was used with another body; nothing was done. */
  | { readonly kind: 'conflict' }
  /** A balance would leave the range of int64; nothing was done. */
  | { readonly kind: 'out_of_range' };
