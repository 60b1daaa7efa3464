import type {
  Balance,
  Debit,
  DebitOutcome,
  PeriodKey,
  Spend,
  SpendQuery,
} from './core/ledger-model.js';

/**
 * Where money is kept. Every answer of {@link postDebits} is durable. Adapters: PostgreSQL, and an
 * in-memory twin for tests; both pass `test/contract/budget-ledger.contract.ts`.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached; nothing is known of the items then,
 * and sending them again with the same keys is safe.
 */
export abstract class BudgetLedger {
  /**
   * Decides a group in order and posts it in one transaction. Outcomes are in the order of the debits;
   * two debits of a group may carry the same key.
   */
  abstract postDebits(debits: readonly Debit[]): Promise<readonly DebitOutcome[]>;

  /** The balances of periods, in the order asked. A period that nothing was posted to is zero. */
  abstract readBalances(keys: readonly PeriodKey[]): Promise<readonly Balance[]>;

  abstract sumSpend(query: SpendQuery): Promise<Spend>;
}
