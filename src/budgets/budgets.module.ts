import { Module } from '@nestjs/common';
import { BudgetLedger } from './budget-ledger.js';
import { BudgetsService } from './budgets.service.js';
import { HoldSweeperDriver } from './hold-sweeper.driver.js';
import { LedgerUpkeepDriver } from './ledger-upkeep.driver.js';
import { PostgresBudgetLedger } from './postgres-budget-ledger.js';

@Module({
  providers: [
    { provide: BudgetLedger, useClass: PostgresBudgetLedger },
    BudgetsService,
    LedgerUpkeepDriver,
    HoldSweeperDriver,
  ],
  exports: [BudgetsService],
})
export class BudgetsModule {}
