import type { WindowVerdict } from './admissions.js';
import type { MoneyVerdict } from './money-account.js';
import type { Fault } from './tormentor.js';

/** What a limit saw, over all of its windows of one kind. */
export interface LimitRow {
  readonly limit: string;
  readonly windows: number;
  /** Windows that let more pass than the limit. */
  readonly over: number;
  /** By how much the worst of them, and what the formula allowed that one. */
  readonly worst: number;
  readonly worstAllowed: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly seconds: number;
  readonly maximum: number;
  readonly calls: { readonly admitted: number; readonly denied: number; readonly failed: number };
  /** Milliseconds from the mending until everybody heard everybody, each time. */
  readonly faults: Readonly<Record<Fault, readonly number[]>>;
  /** Of windows in which nothing was done, and of the others. */
  readonly calm: readonly LimitRow[];
  readonly disturbed: readonly LimitRow[];
  /** Windows that let more pass than the formula allows. */
  readonly breaches: readonly WindowVerdict[];
  readonly money: MoneyVerdict;
  readonly audit: readonly string[];
  /** Milliseconds after the last answer until all replicas showed the same, in each round. */
  readonly convergedMs: readonly number[];
  readonly bytesPerSecond: {
    readonly streamsUnderLoad: number;
    readonly gossipUnderLoad: number;
    readonly streamsIdle: number;
    readonly gossipIdle: number;
  };
}

export function rowsOf(verdicts: readonly WindowVerdict[], maximum: number): readonly LimitRow[] {
  const limits = [...new Set(verdicts.map(({ limit }) => limit))];
  return limits.map((limit) => {
    const windows = verdicts.filter((verdict) => verdict.limit === limit);
    const worst = windows.reduce((a, b) => (b.admitted > a.admitted ? b : a));
    return {
      limit,
      windows: windows.length,
      over: windows.filter(({ admitted }) => admitted > maximum).length,
      worst: Math.max(0, worst.admitted - maximum),
      worstAllowed: worst.allowedOver,
    };
  });
}

/** For people, and for docs/performance.md. */
export function textOf(report: ChaosReport): string {
  const { seed, seconds, calls, money, bytesPerSecond: bytes } = report;
  const faults = Object.entries(report.faults).map(([fault, ms]) => `${fault} ${ms.length}`);
  const rest = [...report.faults.kill, ...report.faults.pause, ...report.faults.isolation];
  return [
    `chaos: ${seconds} s, seed ${seed}: ${faults.join(', ')}`,
    `calls: ${calls.admitted} admitted, ${calls.denied} denied, ${calls.failed} not answered`,
    ...limitLines(report),
    `debits: ${money.attempted} sent, ${money.acknowledged} acknowledged, ${money.posted} in the ledger; ` +
      `${money.lost.length} lost, ${money.doubled.length} doubled, ${money.wrong.length} wrong`,
    `converged after the last request, ms: ${spread(report.convergedMs)} (${report.convergedMs.length} rounds)`,
    `whole again after kill, pause or isolation, ms: ${spread(rest)}`,
    `bytes a second between replicas: streams ${bytes.streamsUnderLoad} under load, ${bytes.streamsIdle} idle; ` +
      `gossip ${bytes.gossipUnderLoad} and ${bytes.gossipIdle}`,
  ].join('\n');
}

function limitLines({ calm, disturbed, maximum, breaches }: ChaosReport): readonly string[] {
  const line = (what: string, rows: readonly LimitRow[]): readonly string[] =>
    rows
      .filter(({ over }) => over > 0)
      .map(
        ({ limit, windows, over, worst, worstAllowed }) =>
          `  ${limit}, ${what}: ${over} of ${windows} windows over ${maximum}, ` +
          `the worst by ${worst}, allowed ${worstAllowed}`,
      );
  const windows = (rows: readonly LimitRow[]): number =>
    rows.reduce((sum, row) => sum + row.windows, 0);
  return [
    `windows: ${windows(calm)} calm, ${windows(disturbed)} disturbed; ${breaches.length} above the bound`,
    ...line('calm', calm),
    ...line('disturbed', disturbed),
  ];
}

function spread(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN).toFixed(0);
  return `median ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, max ${at(1)}`;
}
