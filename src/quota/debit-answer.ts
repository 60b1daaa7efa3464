/** What the ledger or the journal has said of a debit, as callers are told. */
import type { JournaledDebit } from '../budgets/core/journal-entry.js';
import type {
  BudgetLevel,
  Crossing,
  LedgerAnswer,
  PostDebit,
} from '../budgets/core/ledger-item.js';
import type { DebitFacts } from '../budgets/core/ledger-model.js';
import { AssertionError, present } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import type { WallMs } from '../common/time.js';
import type { Budget } from '../governance/core/model.js';
import { JUST_LOOKING } from './core/budget-verdict.js';
import type { PolicyVerdict } from './core/decision.js';
import type { MatchedPolicies } from './matched-policies.js';
import { reservationEnded, reservationNotFound } from './reservation-errors.js';

export interface DebitAnswer {
  readonly facts: Pick<DebitFacts, 'id' | 'amountNanos' | 'priceId' | 'priceRevision'>;
  readonly recordedAt: WallMs;
  readonly replayed: boolean;
  /** The reservation that it settles had ended before. */
  readonly late: boolean;
  /** What was spent beyond the reservation. */
  readonly overageNanos: bigint;
  /** Empty while the ledger is away: what others have posted meanwhile is not known. */
  readonly verdicts: readonly PolicyVerdict[];
  /** Which thresholds the debit crossed when it was posted; not known while the ledger is away. */
  readonly crossed: readonly Crossing[];
  readonly virtualKeyId: string;
  /** It is in this replica's journal, and not yet in the ledger. */
  readonly journaled: boolean;
}

/** What was asked, as far as the answer depends on it. */
export interface AskedDebit {
  readonly item: PostDebit;
  readonly budgets: readonly Budget[];
  readonly now: WallMs;
}

/** It is durable. */
export type Recorded = Posted | JournaledDebit;
export type Posted = Extract<LedgerAnswer, { kind: 'posted' }>;

/**
 * @throws DomainError `ALREADY_EXISTS` for a key used with another body, `OUT_OF_RANGE` for a sum beyond int64,
 * `NOT_FOUND` and `FAILED_PRECONDITION` for a reservation that cannot be settled.
 */
export function requireRecorded(outcome: LedgerAnswer | JournaledDebit): Recorded {
  switch (outcome.kind) {
    case 'posted':
    case 'journaled':
      return outcome;
    case 'conflict':
      throw keyReused();
    case 'out_of_range':
      throw balanceOverflow();
    case 'unknown':
      throw reservationNotFound();
    case 'ended':
      throw reservationEnded(outcome.reservation);
    case 'held':
    case 'denied':
    case 'released':
    case 'extended':
    case 'expired':
      throw new AssertionError(`the ledger answered a debit with ${outcome.kind}`);
  }
}

export const debitAnswer = (
  asked: AskedDebit,
  recorded: Recorded,
  policies: MatchedPolicies,
): DebitAnswer =>
  recorded.kind === 'posted'
    ? postedAnswer(asked, recorded, policies)
    : journaledAnswer(asked, recorded);

const postedAnswer = (
  asked: AskedDebit,
  { facts, isReplayed, isLate, overageNanos, balances, crossed }: Posted,
  policies: MatchedPolicies,
): DebitAnswer => ({
  facts,
  recordedAt: facts.recordedAt,
  replayed: isReplayed,
  late: isLate,
  overageNanos,
  verdicts: verdictsOf(asked, balances, policies),
  crossed,
  virtualKeyId: asked.item.debit.virtualKeyId,
  journaled: false,
});

const journaledAnswer = (
  { item, now }: AskedDebit,
  { facts, isReplayed }: JournaledDebit,
): DebitAnswer => ({
  facts,
  recordedAt: now,
  replayed: isReplayed,
  late: false,
  overageNanos: 0n,
  verdicts: [],
  crossed: [],
  virtualKeyId: item.debit.virtualKeyId,
  journaled: true,
});

/** The ledger answers for the periods that were posted to; a budget deleted since has no verdict. */
function verdictsOf(
  { budgets, now }: AskedDebit,
  levels: readonly BudgetLevel[],
  policies: MatchedPolicies,
): readonly PolicyVerdict[] {
  // As it is nearly always: it was posted to what it asked for.
  if (levels.every(({ key }, i) => key.budgetId === budgets[i]?.id))
    return policies.budgetVerdicts(budgets, levels, JUST_LOOKING, now);
  const byId = new Map(budgets.map((budget) => [budget.id, budget]));
  const known = levels.filter(({ key }) => byId.has(key.budgetId));
  const theirs = known.map(({ key }) => present(byId.get(key.budgetId), 'it is known'));
  return policies.budgetVerdicts(theirs, known, JUST_LOOKING, now);
}

function keyReused(): DomainError {
  const message = 'this idempotency key was used with another body; nothing was posted';
  const description = 'was used for another debit; make a new key for each debit';
  return new DomainError('ALREADY_EXISTS', message, {
    violations: [{ field: 'idempotency_key', description }],
  });
}

function balanceOverflow(): DomainError {
  const message = 'the sum would leave the range of int64 nano-USD; nothing was posted';
  const description = 'is too large for the balance of a matching budget';
  return new DomainError('OUT_OF_RANGE', message, {
    violations: [{ field: 'amount_nanos', description }],
  });
}
