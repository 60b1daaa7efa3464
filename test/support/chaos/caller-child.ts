/**
 * A caller in a process of its own. Its order is the only argument; what it comes to know goes out in lines
 * of JSON, a few times a second; the end of its input tells it to stop.
 */
import { Caller, type CallerListener, type CallerOrder } from './caller.js';
import type { Admission } from './admissions.js';

/** What has come to pass since the line before. */
export interface CallerReport {
  readonly admissions: readonly Admission[];
  readonly denied: number;
  readonly failed: number;
  /** Idempotency keys and amounts, of which JSON knows no large ones. */
  readonly attempted: readonly (readonly [string, number])[];
  readonly acknowledged: readonly string[];
}

const REPORT_INTERVAL_MS = 200;

class Reporter implements CallerListener {
  private report = emptyReport();

  admitted(admission: Admission): void {
    this.report.admissions.push(admission);
  }

  denied(): void {
    this.report.denied += 1;
  }

  failed(): void {
    this.report.failed += 1;
  }

  attempted(idempotencyKey: string, amountNanos: bigint): void {
    this.report.attempted.push([idempotencyKey, Number(amountNanos)]);
  }

  acknowledged(idempotencyKey: string): void {
    this.report.acknowledged.push(idempotencyKey);
  }

  write(): void {
    process.stdout.write(`${JSON.stringify(this.report satisfies CallerReport)}\n`);
    this.report = emptyReport();
  }
}

function emptyReport() {
  return {
    admissions: new Array<Admission>(),
    denied: 0,
    failed: 0,
    attempted: new Array<[string, number]>(),
    acknowledged: new Array<string>(),
  };
}

const [order = ''] = process.argv.slice(2);
const reporter = new Reporter();
const caller = new Caller(JSON.parse(order) as CallerOrder, reporter);
const timer = setInterval(() => reporter.write(), REPORT_INTERVAL_MS);
caller.start();
process.stdin.resume();
process.stdin.once('end', () => void finish());

async function finish(): Promise<void> {
  await caller.stop();
  clearInterval(timer);
  reporter.write();
}
