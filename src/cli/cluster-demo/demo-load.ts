import { setTimeout as delay } from 'node:timers/promises';
import { Decision } from '../../gen/weir/v1/quota_service.js';
import type { Connection } from '../connection.js';
import { checkOf } from './check-of.js';
import { DEMO_KEY } from './demo-limit.js';

/** What became of the calls of one window of the limit, over all replicas. */
export interface WindowTally {
  /** Its start, in seconds since 1970. */
  readonly start: bigint;
  admitted: number;
  denied: number;
}

/** Calls one replica at a steady pace until it is told to stop, and counts what it was told. */
export class DemoLoad {
  admitted = 0;
  private isStopped = false;
  private work: Promise<void> = Promise.resolve();

  constructor(
    private readonly windows: Map<bigint, WindowTally>,
    private readonly callsPerSecond: number,
  ) {}

  start({ quota }: Connection): void {
    this.isStopped = false;
    this.work = this.run(quota);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.work;
  }

  /** Never further ahead than the clock, so that a pause is followed by a burst and not by silence. */
  private async run(quota: Connection['quota']): Promise<void> {
    const startedAt = performance.now();
    const calls: Promise<void>[] = [];
    for (let sent = 0; !this.isStopped;) {
      const due = ((performance.now() - startedAt) / 1_000) * this.callsPerSecond;
      for (; sent < due && !this.isStopped; sent++) calls.push(this.call(quota));
      await delay(5);
    }
    await Promise.all(calls);
  }

  private async call(quota: Connection['quota']): Promise<void> {
    try {
      const { decision, statuses } = await quota.checkLimit(checkOf(DEMO_KEY), {
        deadlineMs: 2_000,
      });
      const isAdmitted = decision === Decision.DECISION_ALLOW;
      if (isAdmitted) this.admitted += 1;
      const start = statuses[0]?.interval?.start?.seconds;
      if (start !== undefined) this.note(start, isAdmitted);
    } catch {
      // Not answered: the replica was killed.
    }
  }

  private note(start: bigint, isAdmitted: boolean): void {
    const tally = this.windows.get(start) ?? { start, admitted: 0, denied: 0 };
    this.windows.set(start, tally);
    if (isAdmitted) tally.admitted += 1;
    else tally.denied += 1;
  }
}
