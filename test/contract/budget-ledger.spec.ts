import { MemoryBudgetLedger } from '../../src/budgets/memory-budget-ledger.js';
import { SystemClock } from '../../src/common/system-clock.js';
import { type WallMs, wallMs } from '../../src/common/time.js';
import { budgetLedgerContract } from './budget-ledger.contract.js';

/** Never shows the same time twice: what happens within a millisecond elsewhere takes longer here. */
class SteppingClock extends SystemClock {
  private steps = 0;

  override wallNow(): WallMs {
    return wallMs(super.wallNow() + this.steps++);
  }
}

const memory = new MemoryBudgetLedger(new SteppingClock());

budgetLedgerContract('in memory', () => Promise.resolve(memory));
