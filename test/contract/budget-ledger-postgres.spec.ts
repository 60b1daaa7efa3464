import { afterAll, beforeAll } from '@jest/globals';
import { PostgresBudgetLedger } from '../../src/budgets/postgres-budget-ledger.js';
import { present } from '../../src/common/assert.js';
import { budgetLedgerContract } from './budget-ledger.contract.js';
import { openTestDatabase, type TestDatabase } from './budget-ledger-database.js';

let open: TestDatabase | undefined;

beforeAll(async () => {
  open = await openTestDatabase();
});

afterAll(() => open?.close());

budgetLedgerContract('PostgreSQL', () =>
  Promise.resolve(new PostgresBudgetLedger(present(open, 'the database is open').database)),
);
