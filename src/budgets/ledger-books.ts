import type { ReservationState } from './core/ledger-item.js';
import type { PeriodKey } from './core/ledger-model.js';
import type { WallMs } from '../common/time.js';

/** A temporary increase of a budget: never changed, over by its time. */
export interface BudgetGrant {
  readonly id: string;
  readonly budgetId: string;
  /** Above 0. */
  readonly amountNanos: bigint;
  readonly start: WallMs;
  readonly end: WallMs;
  readonly reason: string;
  /** Who gave it. */
  readonly actor: string;
}

/** A page of records, newest first; {@link after} is the last id of the page before. */
export interface Page {
  readonly most: number;
  readonly after: string | undefined;
}

export interface ReservationRecord {
  readonly id: string;
  readonly scope: string;
  readonly reservationKey: string;
  readonly state: ReservationState;
  readonly amountNanos: bigint;
  readonly chargedNanos: bigint;
  readonly createdAt: WallMs;
  readonly expiresAt: WallMs;
  readonly budgetIds: readonly string[];
}

export interface EntryRecord {
  readonly id: string;
  readonly kind: 'debit' | 'late' | 'expiry';
  readonly recordedAt: WallMs;
  readonly virtualKeyId: string;
  readonly provider: string;
  readonly model: string;
  /** What the entry added to its owner's spend. */
  readonly amountNanos: bigint;
  readonly reservationId: string;
  readonly budgetIds: readonly string[];
}

export interface PeriodRecord {
  readonly key: PeriodKey;
  readonly postedNanos: bigint;
  readonly heldNanos: bigint;
  readonly entries: bigint;
}

/** The ledger as an operator reads it, and what only an operator writes. */
export abstract class LedgerBooks {
  abstract addGrant(grant: BudgetGrant): Promise<void>;

  /** Active, future and past ones, the last to end first. */
  abstract listGrants(budgetId: string): Promise<readonly BudgetGrant[]>;

  /** Of one scope, or of all; in one state, or in any. */
  abstract listReservations(
    filter: { readonly scope?: string; readonly state?: ReservationState },
    page: Page,
  ): Promise<readonly ReservationRecord[]>;

  /** Of one virtual key, or of all. */
  abstract listEntries(
    virtualKeyId: string | undefined,
    page: Page,
  ): Promise<readonly EntryRecord[]>;

  /** Newest first. */
  abstract listPeriods(budgetId: string, most: number): Promise<readonly PeriodRecord[]>;

  /** Drops the months of the ledger that ended before, one at a time; what they posted stays counted. */
  abstract dropEntriesBefore(before: WallMs): Promise<readonly string[]>;
}
