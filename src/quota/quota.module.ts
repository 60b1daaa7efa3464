import { Module } from '@nestjs/common';
import { BudgetsModule } from '../budgets/budgets.module.js';
import { CountersModule } from '../counters/counters.module.js';
import { GovernanceModule } from '../governance/governance.module.js';
import { CallAdmission } from './call-admission.js';
import { CheckLimitService } from './check-limit.service.js';
import { DebitBudgetService } from './debit-budget.service.js';
import { MatchedPolicies } from './matched-policies.js';
import { QuotaPorts } from './quota-ports.js';
import { QuotaController } from './quota.controller.js';
import { UsageService } from './usage.service.js';

@Module({
  imports: [GovernanceModule, BudgetsModule, CountersModule],
  providers: [
    CallAdmission,
    CheckLimitService,
    DebitBudgetService,
    MatchedPolicies,
    QuotaController,
    QuotaPorts,
    UsageService,
  ],
  exports: [CheckLimitService, QuotaController],
})
export class QuotaModule {}
