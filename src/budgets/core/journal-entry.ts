/** What the journal keeps, and what it answers, while the ledger is away (ADR 0021). */
import type { WallMs } from '../../common/time.js';
import type { PostDebit } from './ledger-item.js';
import type { DebitFacts } from './ledger-model.js';

/** A debit that is on disk, and not known to be in the ledger. */
export interface JournalEntry {
  readonly item: PostDebit;
  /** By this replica's clock. */
  readonly journaledAt: WallMs;
  /** What limits took for its reservation was corrected when it was journaled: its replay is not to (ADR 0046). */
  readonly areLimitsCorrected?: boolean | undefined;
}

/** What can be said of a debit without the ledger: what it is, not what it did. */
export type JournaledFacts = Pick<DebitFacts, 'id' | 'amountNanos' | 'priceId' | 'priceRevision'>;

export interface JournaledDebit {
  readonly kind: 'journaled';
  /** This key was journaled before with the same body; the facts are the first ones. */
  readonly isReplayed: boolean;
  readonly facts: JournaledFacts;
}

export type JournalAnswer =
  | JournaledDebit
  /** The key is in the journal with another body; nothing was written. */
  | { readonly kind: 'conflict' };

/** How the journal stands, for health and metrics. */
export interface JournalState {
  /** Debits that are not known to be in the ledger. */
  readonly records: number;
  /** Of all its files, with what has been replayed and not been removed yet. */
  readonly bytes: number;
  /** Of the oldest debit that is not known to be in the ledger; 0 if there is none. */
  readonly oldestAgeMs: number;
  /** It can take no more: its own bound, or the disk's. */
  readonly isFull: boolean;
  readonly isReplaying: boolean;
  /** Damaged or foreign records that were set aside since the start. */
  readonly setAside: number;
  /** Debits that the ledger would not take, since the start. */
  readonly deadLetters: number;
}

export const factsOf = ({ item: { debit } }: JournalEntry): JournaledFacts => ({
  id: debit.id,
  amountNanos: debit.amountNanos,
  priceId: debit.priceId,
  priceRevision: debit.priceRevision,
});
