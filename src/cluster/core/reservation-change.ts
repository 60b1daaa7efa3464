/**
 * What one replica asks of a reservation that another one keeps in memory, and the answer (ADR 0045). Each
 * step is done once, however often it is asked for.
 */

export type KeptName =
  { readonly kind: 'id'; readonly id: string } | { readonly kind: 'key'; readonly key: string };

export type ReservationStep =
  /** A debit is about to settle it; no other one may meanwhile. */
  | { readonly kind: 'begin'; readonly idempotencyKey: string }
  /** The debit is recorded: limits are corrected by what was used. */
  | {
      readonly kind: 'settle';
      readonly idempotencyKey: string;
      /** Undefined: not known. */
      readonly tokens: number | undefined;
      readonly amountNanos: number;
    }
  /** The debit was refused: another one may settle. */
  | { readonly kind: 'abandon'; readonly idempotencyKey: string }
  | { readonly kind: 'release'; readonly refund: boolean }
  /** From now; it is never shortened. */
  | { readonly kind: 'extend'; readonly ttlMs: number }
  /** By an operator, whoever's it is, and by its id. */
  | { readonly kind: 'forceRelease' }
  /** The ledger has ended it: places that are counted for it are free. */
  | { readonly kind: 'endPlaces' };

export interface ReservationChange {
  /** The virtual key whose it is; empty for a call without one. */
  readonly scope: string;
  readonly name: KeptName;
  /** The reservation is in the database: only what limits took is asked about. */
  readonly besideBudget: boolean;
  readonly step: ReservationStep;
}

/** To one run of a replica: another one at the same address knows nothing of it. */
export interface ReservationQuestion extends ReservationChange {
  readonly bootId: string;
}

export const KEPT_STATES = ['held', 'committed', 'released', 'expired'] as const;

export interface KeptReservation {
  readonly id: string;
  /** The virtual key whose it is; empty for a call without one. */
  readonly scope: string;
  readonly reservationKey: string;
  readonly state: (typeof KEPT_STATES)[number];
  readonly expiresAtMs: number;
}

export type ReservationAnswer =
  | {
      readonly kind: 'done';
      readonly reservation: KeptReservation;
      /** Its time was over before. */
      readonly isLate: boolean;
      /** It had been done before. */
      readonly isReplayed: boolean;
    }
  /** It was settled by another debit, released, or is over; nothing was done. */
  | { readonly kind: 'ended'; readonly reservation: KeptReservation }
  | { readonly kind: 'unknown' };

/** A reservation whose replica leaves, as another one keeps it from then on: under its old id. */
export interface HandedReservation {
  readonly id: string;
  readonly scope: string;
  readonly reservationKey: string;
  readonly bodyHash: string;
  readonly expiresAtMs: number;
  /** The debit that is about to settle it. */
  readonly settledBy: string | undefined;
  /** What limits took, in the form that the ledger keeps it in. */
  readonly takes: string;
  /** Of the places of concurrency limits among them those that last. */
  readonly places: readonly HandedPlace[];
}

/** A place that the replica which leaves has given out. */
export interface HandedPlace {
  /** Its number, as `takes` has it. */
  readonly holdId: number;
  readonly endsAtMs: number;
}

/** To one run of a replica. */
export interface HandedReservations {
  readonly bootId: string;
  readonly reservations: readonly HandedReservation[];
  /** Of reservations that are in the ledger, for the sake of their places. */
  readonly copies: readonly HandedReservation[];
}

/** What an heir keeps from now on. */
export interface TakenOver {
  /** How many reservations and copies; there is no room for the others. */
  readonly taken: number;
  /** The places that it counts, by their old numbers: these, and no others, are to be given back. */
  readonly placesTaken: readonly number[];
}
