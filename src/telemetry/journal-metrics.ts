import type { JournalDriver } from '../budgets/journal/journal.driver.js';
import type { MetricSource } from './state-metrics.js';

/** Debits that are on this replica's disk and not yet in the ledger, and what became of those before. */
export const journalGauges = (journal: JournalDriver): readonly MetricSource[] => [
  {
    name: 'weir_journal_records',
    help: 'Debits in the journal that are not known to be in the ledger.',
    read: () => journal.state().records,
  },
  {
    name: 'weir_journal_bytes',
    help: 'Bytes of all files of the journal.',
    read: () => journal.state().bytes,
  },
  {
    name: 'weir_journal_oldest_age_seconds',
    help: 'Age of the oldest debit in the journal; 0 if there is none.',
    read: () => journal.state().oldestAgeMs / 1_000,
  },
  {
    name: 'weir_journal_full',
    help: '1 while the journal can take no more debits.',
    read: () => (journal.state().isFull ? 1 : 0),
  },
  {
    name: 'weir_journal_dead_letters',
    help: 'Debits that the ledger would not take from the journal, since the start.',
    read: () => journal.state().deadLetters,
  },
  {
    name: 'weir_journal_records_set_aside',
    help: 'Damaged or foreign records that were set aside, since the start.',
    read: () => journal.state().setAside,
  },
];
