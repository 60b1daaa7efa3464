import type { WallMs } from '../../common/time.js';
import type { JournalEntry } from '../core/journal-entry.js';

/** Why the ledger did not take a debit that had been journaled. */
export interface Refusal {
  readonly entry: JournalEntry;
  /** `conflict`, `out_of_range`, `reservation_ended`, or what the database said of the record. */
  readonly reason: string;
}

export interface DeadLetter {
  /** The debit's id. */
  readonly id: string;
  /** By the clock of the replica that journaled it. */
  readonly journaledAt: WallMs;
  /** By the database's clock. */
  readonly foundAt: WallMs;
  readonly scope: string;
  readonly virtualKeyId: string;
  readonly idempotencyKey: string;
  readonly amountNanos: bigint;
  readonly provider: string;
  readonly model: string;
  readonly reason: string;
  /** All of the debit, as the journal had it. */
  readonly debitJson: string;
}

/** Where a page ended: the next one begins with what was found before it. */
export interface DeadLetterCursor {
  readonly foundAt: WallMs;
  readonly id: string;
}

export interface DeadLetterPage {
  /** Newest first. */
  readonly letters: readonly DeadLetter[];
  /** Undefined: this was the last page. */
  readonly next: DeadLetterCursor | undefined;
}

/**
 * Debits that were acknowledged as journaled and that the ledger cannot take. They are kept until somebody
 * deletes them by hand. Adapters: PostgreSQL, and a twin in memory.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached.
 */
export abstract class DeadLetters {
  /** One that is there already stays as it is. */
  abstract add(refusals: readonly Refusal[]): Promise<void>;

  abstract list(most: number, after: DeadLetterCursor | undefined): Promise<DeadLetterPage>;

  abstract count(): Promise<number>;
}
