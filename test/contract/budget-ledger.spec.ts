import { MemoryBudgetLedger } from '../../src/budgets/memory-budget-ledger.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { budgetLedgerContract } from './budget-ledger.contract.js';

const memory = new MemoryBudgetLedger(new SystemClock());

budgetLedgerContract('in memory', () => Promise.resolve(memory));
