import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** What happened in a replay, as it goes. */
export class Tally {
  calls = 0;
  admitted = 0;
  /** Debits that the service had recorded before: the run was resumed, or an answer was lost. */
  replayed = 0;
  inputTokens = 0n;
  outputTokens = 0n;
  amountNanos = 0n;
  readonly deniedByReason = new Map<string, number>();
  readonly check: RecordableHistogram = createHistogram();
  readonly debit: RecordableHistogram = createHistogram();
  /** One byte a row: 1 if it was admitted. */
  private readonly admittedRows: Uint8Array;

  constructor(readonly rows: number) {
    this.admittedRows = new Uint8Array(rows);
  }

  get denied(): number {
    return [...this.deniedByReason.values()].reduce((sum, count) => sum + count, 0);
  }

  admit(row: number): void {
    this.admitted += 1;
    this.admittedRows[row] = 1;
  }

  isAdmitted(row: number): boolean {
    return this.admittedRows[row] === 1;
  }

  deny(reason: string): void {
    this.deniedByReason.set(reason, (this.deniedByReason.get(reason) ?? 0) + 1);
  }
}

export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** In milliseconds, from a histogram of nanoseconds. */
export function latencyMs(histogram: RecordableHistogram): Latency {
  const at = (percentile: number): number => toMs(histogram.percentile(percentile));
  if (histogram.count === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
  return { p50: at(50), p90: at(90), p99: at(99), max: toMs(histogram.max) };
}

const toMs = (nanos: number): number => Math.round(nanos / 1_000) / 1_000;
