import { Module } from '@nestjs/common';
import { BudgetsModule } from '../budgets/budgets.module.js';
import { CountersModule } from '../counters/counters.module.js';
import { GovernanceModule } from '../governance/governance.module.js';
import { BudgetChecks } from './budget-checks.js';
import { BusiestCountersService } from './busiest-counters.service.js';
import { CallAdmission } from './call-admission.js';
import { CheckLimitService } from './check-limit.service.js';
import { DebitBudgetService } from './debit-budget.service.js';
import { Estimates } from './estimates.js';
import { ContendedWait } from './contended-wait.js';
import { LimitChecks } from './limit-checks.js';
import { LimitReservations } from './limit-reservations.js';
import { LimitTakes } from './limit-takes.js';
import { InspectionController } from './inspection.controller.js';
import { MatchedPolicies } from './matched-policies.js';
import { OutsideSettles } from './outside-settles.js';
import { QuotaPorts } from './quota-ports.js';
import { QuotaController } from './quota.controller.js';
import { ReservationsService } from './reservations.service.js';
import { RoamingReservations } from './roaming-reservations.js';
import { UsageService } from './usage.service.js';

@Module({
  imports: [GovernanceModule, BudgetsModule, CountersModule],
  controllers: [InspectionController],
  providers: [
    BudgetChecks,
    BusiestCountersService,
    CallAdmission,
    CheckLimitService,
    DebitBudgetService,
    Estimates,
    ContendedWait,
    LimitChecks,
    LimitReservations,
    LimitTakes,
    MatchedPolicies,
    OutsideSettles,
    QuotaController,
    QuotaPorts,
    ReservationsService,
    RoamingReservations,
    UsageService,
  ],
  exports: [CheckLimitService, QuotaController],
})
export class QuotaModule {}
