import type { BudgetLevel, LedgerAnswer, LedgerItem } from './core/ledger-item.js';
import type { PeriodKey, Spend, SpendQuery } from './core/ledger-model.js';

/** A hold whose time is over and that nobody has settled. */
export interface DueHold {
  readonly scope: string;
  readonly reservationId: string;
}

/** A balance that is not the sum of what it stands for. */
export interface AuditFault {
  readonly description: string;
}

/**
 * Where money is kept. Every answer of {@link decide} is durable. Adapters: PostgreSQL, and an
 * in-memory twin for tests; both pass `test/contract/budget-ledger.contract.ts`.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached; nothing is known of the items then,
 * and sending them again with the same keys is safe.
 */
export abstract class BudgetLedger {
  /** Decides items in order, each atomic by itself, in as few transactions as their keys allow. */
  abstract decide(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]>;

  /** By the ledger's own clock, those that ended first, at most so many. */
  abstract dueHolds(most: number): Promise<readonly DueHold[]>;

  /** Proves balances by the entries and the open holds. Reads everything: not for a hot path. */
  abstract audit(): Promise<readonly AuditFault[]>;

  /** Periods as they stand, in the order asked. One that nothing was posted to is zero. */
  abstract readLevels(keys: readonly PeriodKey[]): Promise<readonly BudgetLevel[]>;

  abstract sumSpend(query: SpendQuery): Promise<Spend>;
}
