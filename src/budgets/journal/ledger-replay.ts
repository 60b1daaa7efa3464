import { assert, present } from '../../common/assert.js';
import { errorCode, errorText } from '../../storage/postgres-error.js';
import type { BudgetLedger } from '../budget-ledger.js';
import type { JournalEntry } from '../core/journal-entry.js';
import type { LedgerAnswer } from '../core/ledger-item.js';
import type { Debit } from '../core/ledger-model.js';
import { replayVerdict, type ReplayVerdict } from '../core/replay-verdict.js';
import type { Refusal } from './dead-letters.js';

/** A journaled debit has settled a reservation, for which limits took something. */
export type SettledListener = (debit: Debit, takes: string) => void;

/** Data exceptions and violated constraints (classes 22 and 23): the fault is in what was sent. */
const FAULT_OF_RECORD = /^2[23][0-9A-Z]{3}$/;

/**
 * Sends journaled debits to the ledger, in their order. Sending some again is safe: the ledger knows their
 * keys. Resolves to those that it will never take. `onSettled` hears of each that has settled a reservation, once.
 *
 * @throws what the ledger throws if the fault is not in a record; nothing is known of the debits then.
 */
export async function replayEntries(
  ledger: BudgetLedger,
  entries: readonly JournalEntry[],
  onSettled: SettledListener = () => undefined,
): Promise<readonly Refusal[]> {
  const verdicts = await decideAll(ledger, entries, onSettled);
  const again = entries
    .filter((_, i) => verdicts[i]?.kind === 'unreserved')
    .map(withoutReservation);
  const later = again.length === 0 ? [] : await decideAll(ledger, again);
  return [...refusals(entries, verdicts), ...refusals(again, later)];
}

/** A record that the database chokes on takes its group with it; halving finds it. */
async function decideAll(
  ledger: BudgetLedger,
  entries: readonly JournalEntry[],
  onSettled: SettledListener = () => undefined,
): Promise<readonly ReplayVerdict[]> {
  try {
    const answers = await ledger.decide(entries.map(({ item }) => item));
    return entries.map(({ item, areLimitsCorrected }, i) => {
      const answer = answered(answers, i);
      const isSettled = answer.kind === 'posted' && !answer.isReplayed && answer.takes !== '';
      if (isSettled && areLimitsCorrected !== true) onSettled(item.debit, answer.takes);
      return replayVerdict(answer);
    });
  } catch (error) {
    if (!FAULT_OF_RECORD.test(errorCode(error) ?? '')) throw error;
    if (entries.length === 1) return [{ kind: 'refused', reason: errorText(error) }];
    const middle = entries.length >> 1;
    const first = await decideAll(ledger, entries.slice(0, middle), onSettled);
    return [...first, ...(await decideAll(ledger, entries.slice(middle), onSettled))];
  }
}

const answered = (answers: readonly LedgerAnswer[], i: number): LedgerAnswer =>
  present(answers[i], 'the ledger answers every item');

function refusals(
  entries: readonly JournalEntry[],
  verdicts: readonly ReplayVerdict[],
): readonly Refusal[] {
  assert(entries.length === verdicts.length, 'one verdict for each debit');
  return entries.flatMap((entry, i) => {
    const verdict = verdicts[i];
    return verdict?.kind === 'refused' ? [{ entry, reason: verdict.reason }] : [];
  });
}

const withoutReservation = ({ item, journaledAt }: JournalEntry): JournalEntry => ({
  item: { ...item, reservation: undefined },
  journaledAt,
});
