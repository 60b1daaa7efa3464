import { Module } from '@nestjs/common';
import { BudgetLedger } from './budget-ledger.js';
import { BudgetsService } from './budgets.service.js';
import { HoldSweeperDriver } from './hold-sweeper.driver.js';
import { LedgerBooks } from './ledger-books.js';
import { LedgerUpkeepDriver } from './ledger-upkeep.driver.js';
import { PostgresBudgetLedger } from './postgres-budget-ledger.js';
import { PostgresLedgerBooks } from './postgres-ledger-books.js';

@Module({
  providers: [
    { provide: BudgetLedger, useClass: PostgresBudgetLedger },
    { provide: LedgerBooks, useClass: PostgresLedgerBooks },
    BudgetsService,
    LedgerUpkeepDriver,
    HoldSweeperDriver,
  ],
  exports: [BudgetsService, LedgerBooks],
})
export class BudgetsModule {}
