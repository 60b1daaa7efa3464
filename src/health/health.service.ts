import { Injectable } from '@nestjs/common';
import { JournalDriver } from '../budgets/journal/journal.driver.js';
import { WeirConfig } from '../config/weir-config.js';
import { DirectoryFollower } from '../governance/directory-follower.js';
import { Database } from '../storage/database.js';
import { type Condition, conditionOf, type Parts } from './core/condition.js';
import { Readiness } from './readiness.js';

/** Polls that governance may miss before it counts as stale: one lost poll is no news. */
const MISSED_POLLS_MAX = 5;

/** Reads the parts; it asks nothing of them, so a probe costs nothing and cannot hang. */
@Injectable()
export class HealthService {
  constructor(
    private readonly readiness: Readiness,
    private readonly database: Database,
    private readonly governance: DirectoryFollower,
    private readonly journal: JournalDriver,
    private readonly config: WeirConfig,
  ) {}

  condition(): Condition {
    return conditionOf(this.parts());
  }

  parts(): Parts {
    const { records, isFull } = this.journal.state();
    return {
      phase: this.readiness.phase,
      databaseReachable: this.database.isReachable(),
      governanceAgeMs: this.governance.lastRefreshAgeMs(),
      governanceStaleAfterMs: this.config.governance.pollIntervalMs * MISSED_POLLS_MAX,
      journaledDebits: records,
      isJournalFull: isFull,
    };
  }
}
