import { Injectable } from '@nestjs/common';
import { JournalDriver } from '../budgets/journal/journal.driver.js';
import { ClusterReport } from '../cluster/cluster-report.js';
import { CheckLimitService } from '../quota/check-limit.service.js';
import { CounterSources } from './counter-sources.js';

/** The parts that keep numbers. */
@Injectable()
export class MetricSources {
  constructor(
    readonly checks: CheckLimitService,
    readonly counters: CounterSources,
    readonly journal: JournalDriver,
    readonly cluster: ClusterReport,
  ) {}
}
