import { Module } from '@nestjs/common';
import { BudgetsModule } from '../budgets/budgets.module.js';
import { CountersModule } from '../counters/counters.module.js';
import { HealthModule } from '../health/health.module.js';
import { QuotaModule } from '../quota/quota.module.js';
import { CounterSources } from './counter-sources.js';
import { MetricsController } from './metrics.controller.js';
import { MetricSources } from './metric-sources.js';
import { MetricsService } from './metrics.service.js';

@Module({
  imports: [BudgetsModule, CountersModule, HealthModule, QuotaModule],
  controllers: [MetricsController],
  providers: [CounterSources, MetricSources, MetricsService],
})
export class TelemetryModule {}
