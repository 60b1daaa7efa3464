import { setTimeout as delay } from 'node:timers/promises';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { Connection } from '../connection.js';
import { isAllowed, reasonName } from '../output/decision-text.js';
import { assign, estimateNanos, type ReplayPlan } from './plan.js';
import type { Retry } from './retry.js';
import type { Tally } from './tally.js';
import { readTrace, type TraceRow } from './trace-file.js';

export interface RunOptions {
  /** How many calls may be in flight. */
  readonly concurrency: number;
  /** 1 keeps the spacing of the trace, 2 halves it, 0 does not wait. */
  readonly speed: number;
  /** When the first call of the trace was, in milliseconds. */
  readonly startMs: number;
  readonly onRow: () => void;
}

/** Longer than an outage that a replay lives through. */
const HOLD_TTL = { seconds: 3_600n, nanos: 0 };

/** Sends the trace: for each row a check and, if it was admitted, a debit. */
export class ReplayRunner {
  private stopped = false;
  private readonly beganMs = performance.now();

  constructor(
    private readonly plan: ReplayPlan,
    private readonly quota: Connection['quota'],
    private readonly retry: Retry,
    private readonly tally: Tally,
  ) {}

  /** Takes no further rows; those in flight end. */
  stop(): void {
    this.stopped = true;
  }

  get wasStopped(): boolean {
    return this.stopped;
  }

  async run(options: RunOptions): Promise<void> {
    const rows = readTrace(this.plan.trace);
    const lane = async (): Promise<void> => {
      for (;;) {
        const next = this.stopped ? undefined : await rows.next();
        if (!next || next.done) return;
        await this.untilDue(next.value, options);
        if (this.stopped) return;
        await this.send(next.value);
        options.onRow();
      }
    };
    const lanes = Array.from({ length: options.concurrency }, () =>
      lane().catch((error: unknown) => {
        this.stop();
        throw error;
      }),
    );
    const failure = (await Promise.allSettled(lanes)).find(({ status }) => status === 'rejected');
    if (failure?.status === 'rejected') throw failure.reason;
  }

  /** In short waits, so that a stop does not have to wait for a gap in the trace. */
  private async untilDue({ atMs }: TraceRow, { speed, startMs }: RunOptions): Promise<void> {
    if (speed === 0) return;
    const dueMs = this.beganMs + (atMs - startMs) / speed;
    for (let waitMs = dueMs - performance.now(); waitMs > 0 && !this.stopped;) {
      await delay(Math.min(waitMs, 250));
      waitMs = dueMs - performance.now();
    }
  }

  private async send(row: TraceRow): Promise<void> {
    const { keyId, provider, model } = assign(this.plan, row.row);
    const subject = { $case: 'virtualKeyId' as const, value: keyId };
    const call = { subject, provider, model, labels: {} };
    const { quota, tally } = this;
    const key = `replay/${this.plan.runId}/${row.row + 1}`;
    const answer = await this.timed(tally.check, () =>
      quota.checkLimit({
        ...call,
        amountNanos: estimateNanos(this.plan, { provider, model }, row),
        dryRun: false,
        reservationKey: key,
        reserveTtl: HOLD_TTL,
        noHold: false,
        inputTokens: 0n,
        maxOutputTokens: 0n,
      }),
    );
    tally.calls += 1;
    if (!isAllowed(answer)) {
      tally.deny(reasonName(answer.reason));
      return;
    }
    tally.admit(row.row);
    const posted = await this.timed(tally.debit, () =>
      quota.debitBudget({
        ...call,
        idempotencyKey: key,
        usage: { input: row.inputTokens, cachedInput: 0n, output: row.outputTokens, reasoning: 0n },
        countLimits: false,
        reservation:
          answer.reservationId === '' ? undefined : { $case: 'reservationKey', value: key },
      }),
    );
    tally.inputTokens += row.inputTokens;
    tally.outputTokens += row.outputTokens;
    tally.amountNanos += posted.amountNanos;
    if (posted.replayed) tally.replayed += 1;
  }

  /** Only the attempt that was answered is measured; an outage is told, not averaged. */
  private timed<T>(histogram: RecordableHistogram, call: () => Promise<T>): Promise<T> {
    return this.retry.run(async () => {
      const began = process.hrtime.bigint();
      const answer = await call();
      const tookNanos = process.hrtime.bigint() - began;
      histogram.record(tookNanos > 0n ? tookNanos : 1n);
      return answer;
    });
  }
}
