import { Module } from '@nestjs/common';
import { BudgetLedger } from './budget-ledger.js';
import { BudgetsService } from './budgets.service.js';
import { HoldSweeperDriver } from './hold-sweeper.driver.js';
import { DeadLetters } from './journal/dead-letters.js';
import { DebitJournal } from './journal/debit-journal.js';
import { JournalDriver } from './journal/journal.driver.js';
import { JournalPorts } from './journal/journal-ports.js';
import { JournalFolder } from './journal/journal-folder.js';
import { NodeJournalFolder } from './journal/node-journal-folder.js';
import { PostgresDeadLetters } from './journal/postgres-dead-letters.js';
import { LedgerAdminService } from './ledger-admin.service.js';
import { LedgerReader } from './ledger-reader.js';
import { LedgerRetention } from './ledger-retention.js';
import { LedgerUpkeepDriver } from './ledger-upkeep.driver.js';
import { LedgerController } from './ledger.controller.js';
import { PostgresBudgetLedger } from './postgres-budget-ledger.js';
import { PostgresLedgerReader } from './postgres-ledger-reader.js';

@Module({
  controllers: [LedgerController],
  providers: [
    { provide: BudgetLedger, useClass: PostgresBudgetLedger },
    { provide: DeadLetters, useClass: PostgresDeadLetters },
    { provide: JournalFolder, useClass: NodeJournalFolder },
    DebitJournal,
    JournalPorts,
    JournalDriver,
    { provide: LedgerReader, useClass: PostgresLedgerReader },
    BudgetsService,
    LedgerAdminService,
    LedgerRetention,
    LedgerUpkeepDriver,
    HoldSweeperDriver,
  ],
  exports: [BudgetsService, DeadLetters, JournalDriver],
})
export class BudgetsModule {}
