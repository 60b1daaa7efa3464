import { Injectable } from '@nestjs/common';
import { JournalDriver } from '../budgets/journal/journal.driver.js';
import { ClusterReport } from '../cluster/cluster-report.js';
import { DirectoryFollower } from '../governance/directory-follower.js';
import { Database } from '../storage/database.js';

/** The parts that can be unwell. */
@Injectable()
export class HealthSources {
  constructor(
    readonly database: Database,
    readonly governance: DirectoryFollower,
    readonly journal: JournalDriver,
    readonly cluster: ClusterReport,
  ) {}
}
