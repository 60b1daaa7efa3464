import type { PostDebit } from '../core/ledger-item.js';

/** What limits took for a call is corrected outside the ledger, which is away. */
export interface JournaledSettle {
  /** The debit is in the journal. */
  finish(): Promise<void>;
  /** It was not taken: another one may settle. */
  abandon(): void;
}

/** Asked before a debit that settles a reservation is journaled; undefined: its replay has to correct. Never rejects. */
export type BeginSettle = (item: PostDebit) => Promise<JournaledSettle | undefined>;
