import type { Interval, WallMs } from '../common/time.js';
import type { CallFacts, ReservationState } from './core/ledger-item.js';
import type { Balance, PeriodKey, SpendQuery } from './core/ledger-model.js';
import type { Posting } from './core/settlement.js';

/** At most `size` records, beginning after the place where the page before ended. */
export interface LedgerPage<Place> {
  readonly size: number;
  readonly after: Place | undefined;
}

export interface EntryPlace {
  readonly recordedAt: WallMs;
  readonly id: string;
}

export interface PeriodPlace {
  readonly generation: number;
  readonly start: WallMs;
}

/** The ids of reservations begin with the time of their making, so that their order is that of time. */
export interface ReservationPlace {
  readonly id: string;
}

export interface EntryFilter {
  /** Undefined: entries of all owners. */
  readonly owner: SpendQuery['owner'] | undefined;
  /** Only those posted to this budget. */
  readonly budgetId: string | undefined;
  /** By the time of recording. */
  readonly interval: Interval | undefined;
}

export interface ReservationFilter {
  readonly virtualKeyId: string | undefined;
  readonly state: ReservationState | undefined;
}

export interface EntryRecord extends CallFacts {
  readonly id: string;
  readonly recordedAt: WallMs;
  /** `carry`: what corrects a period after the one before it has changed. */
  readonly kind: 'debit' | 'late' | 'expiry' | 'carry';
  /** What the entry adds to its owner's spend. */
  readonly amountNanos: bigint;
  readonly priceId: string;
  readonly priceRevision: number;
  readonly reservationId: string;
  readonly idempotencyKey: string;
  readonly postings: readonly Posting[];
}

export interface PeriodRecord extends Balance {
  /** What the period before handed on. */
  readonly carriedInNanos: bigint;
}

export interface ReservationRecord {
  readonly id: string;
  readonly scope: string;
  readonly virtualKeyId: string;
  readonly reservationKey: string;
  readonly state: ReservationState;
  readonly amountNanos: bigint;
  /** What its expiry charged. */
  readonly chargedNanos: bigint;
  readonly provider: string;
  readonly model: string;
  readonly createdAt: WallMs;
  readonly expiresAt: WallMs;
  readonly heldIn: readonly PeriodKey[];
}

/** One that was ended; when it was made is not kept of one that holds no money. */
export type EndedReservation = Omit<ReservationRecord, 'createdAt'> & {
  readonly createdAt: WallMs | undefined;
};

/**
 * What the ledger holds, for an operator to read: newest first, in pages that neither skip nor repeat
 * what was there all the time. Its only adapter is PostgreSQL: the exact model of the ledger
 * (`ledger-machine.ts`) keeps what decisions need, which is neither the order nor the time of what was
 * written, so that a twin would be a second ledger instead of a simple one.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached.
 */
export abstract class LedgerReader {
  abstract listEntries(
    filter: EntryFilter,
    page: LedgerPage<EntryPlace>,
  ): Promise<readonly EntryRecord[]>;

  /** By generation, then by time. A budget that nothing was posted to has no periods. */
  abstract listPeriods(
    budgetId: string,
    page: LedgerPage<PeriodPlace>,
  ): Promise<readonly PeriodRecord[]>;

  abstract listReservations(
    filter: ReservationFilter,
    page: LedgerPage<ReservationPlace>,
  ): Promise<readonly ReservationRecord[]>;

  abstract findReservation(id: string): Promise<ReservationRecord | undefined>;
}
