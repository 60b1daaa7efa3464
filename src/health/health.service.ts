import { Injectable } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import { DiscoveryService } from '../discovery/discovery.service.js';
import { type Condition, conditionOf, type Parts } from './core/condition.js';
import { HealthSources } from './health-sources.js';
import { Readiness } from './readiness.js';

/** Polls that governance may miss before it counts as stale: one lost poll is no news. */
const MISSED_POLLS_MAX = 5;

/** Reads the parts; it asks nothing of them, so a probe costs nothing and cannot hang. */
@Injectable()
export class HealthService {
  constructor(
    private readonly readiness: Readiness,
    private readonly sources: HealthSources,
    private readonly config: WeirConfig,
    private readonly discovery: DiscoveryService,
  ) {}

  condition(): Condition {
    return conditionOf(this.parts());
  }

  parts(): Parts {
    const { database, governance, journal, cluster } = this.sources;
    const { records, isFull } = journal.state();
    return {
      phase: this.readiness.phase,
      databaseReachable: database.isReachable(),
      governanceAgeMs: governance.lastRefreshAgeMs(),
      governanceStaleAfterMs: this.config.governance.pollIntervalMs * MISSED_POLLS_MAX,
      journaledDebits: records,
      isJournalFull: isFull,
      ...cluster.ailments(),
      failingSources: this.discovery.failingSources(),
    };
  }
}
