import type { LedgerAnswer } from './ledger-item.js';
import type { DebitOutcome } from './ledger-model.js';

/** The answer to a debit that settles nothing, in the words of those who post plain debits. */
export function debitOutcome(answer: LedgerAnswer): DebitOutcome {
  if (answer.kind !== 'posted') {
    return { kind: answer.kind === 'conflict' ? 'conflict' : 'out_of_range' };
  }
  const { isReplayed, facts } = answer;
  const balances = answer.balances.map(({ key, postedNanos, heldNanos }) => {
    return { key, postedNanos, heldNanos };
  });
  return { kind: isReplayed ? 'replayed' : 'posted', facts, balances };
}
