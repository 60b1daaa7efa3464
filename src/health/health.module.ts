import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BudgetsModule } from '../budgets/budgets.module.js';
import { GovernanceModule } from '../governance/governance.module.js';
import { GrpcHealth } from './grpc-health.js';
import { HealthController } from './health.controller.js';
import { HealthSources } from './health-sources.js';
import { HealthService } from './health.service.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false }), BudgetsModule, GovernanceModule],
  controllers: [HealthController],
  providers: [GrpcHealth, HealthService, HealthSources, Readiness],
  exports: [GrpcHealth, HealthService, Readiness],
})
export class HealthModule {}
