import { formatUsd } from '../input/usd.js';
import type { Json } from '../json/codec.js';
import type { Column } from '../output/table.js';
import type { IndependentSum } from './independent-sum.js';
import { latencyMs, type Tally } from './tally.js';

/** The sums of the ledger, read back from the service. */
export interface LedgerSum {
  readonly debits: bigint;
  readonly amountNanos: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

export interface ReplayReport {
  readonly runId: string;
  readonly target: string;
  readonly elapsedMs: number;
  readonly repeats: number;
  readonly tally: Tally;
  readonly ledger: LedgerSum;
  readonly file: IndependentSum;
  /** Why the two sums cannot be compared, if they cannot. */
  readonly incomparable?: string;
}

/** Whether ledger and file agree on every number. */
export function agrees({ ledger, file }: ReplayReport): boolean {
  return (
    ledger.amountNanos === file.amountNanos &&
    ledger.debits === BigInt(file.rows) &&
    ledger.inputTokens === file.inputTokens &&
    ledger.outputTokens === file.outputTokens
  );
}

export function reportJson(report: ReplayReport): Json {
  const { tally, ledger, file } = report;
  return {
    run: report.runId,
    target: report.target,
    elapsedSeconds: Math.round(report.elapsedMs) / 1_000,
    calls: tally.calls,
    admitted: tally.admitted,
    denied: tally.denied,
    deniedByReason: Object.fromEntries(tally.deniedByReason),
    debitsReplayed: tally.replayed,
    retries: report.repeats,
    inputTokens: tally.inputTokens.toString(),
    outputTokens: tally.outputTokens.toString(),
    amountNanos: tally.amountNanos.toString(),
    latencyMs: { check: { ...latencyMs(tally.check) }, debit: { ...latencyMs(tally.debit) } },
    ledger: {
      debits: ledger.debits.toString(),
      amountNanos: ledger.amountNanos.toString(),
      inputTokens: ledger.inputTokens.toString(),
      outputTokens: ledger.outputTokens.toString(),
    },
    file: {
      debits: file.rows.toString(),
      amountNanos: file.amountNanos.toString(),
      inputTokens: file.inputTokens.toString(),
      outputTokens: file.outputTokens.toString(),
    },
    ...(report.incomparable === undefined
      ? { equal: agrees(report) }
      : { equal: null, notCompared: report.incomparable }),
  };
}

export type Facts = readonly (readonly [string, string])[];

export function reportFacts(report: ReplayReport): Facts {
  const { tally, elapsedMs } = report;
  const perSecond = Math.round((tally.calls * 1_000) / Math.max(elapsedMs, 1));
  const denied = [...tally.deniedByReason].map(
    ([reason, count]) => [`  ${reason}`, count.toString()] as const,
  );
  return [
    ['Run', `${report.runId} on ${report.target}`],
    ['Calls', `${tally.calls} in ${(elapsedMs / 1_000).toFixed(1)} s (${perSecond}/s)`],
    ['Admitted', tally.admitted.toString()],
    ['Denied', tally.denied.toString()],
    ...denied,
    ['Input tokens', tally.inputTokens.toString()],
    ['Output tokens', tally.outputTokens.toString()],
    ['Amount', formatUsd(tally.amountNanos)],
    ...(tally.replayed > 0
      ? [['Debits known before', `${tally.replayed} (counted once)`] as const]
      : []),
    ...(report.repeats > 0 ? [['Retries', report.repeats.toString()] as const] : []),
  ];
}

interface LatencyRow {
  readonly call: string;
  readonly histogram: Tally['check'];
}

const millis = (pick: 'p50' | 'p90' | 'p99' | 'max') => (row: LatencyRow) =>
  latencyMs(row.histogram)[pick].toFixed(2);

export const LATENCY_COLUMNS: readonly Column<LatencyRow>[] = [
  { title: 'LATENCY (ms)', text: ({ call }) => call },
  { title: 'CALLS', align: 'right', text: ({ histogram }) => histogram.count.toString() },
  { title: 'P50', align: 'right', text: millis('p50') },
  { title: 'P90', align: 'right', text: millis('p90') },
  { title: 'P99', align: 'right', text: millis('p99') },
  { title: 'MAX', align: 'right', text: millis('max') },
];

export const latencyRows = ({ tally }: ReplayReport): readonly LatencyRow[] => [
  { call: 'CheckLimit', histogram: tally.check },
  { call: 'DebitBudget', histogram: tally.debit },
];

interface SumRow {
  readonly source: string;
  readonly debits: bigint;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly amountNanos: bigint;
}

export const SUM_COLUMNS: readonly Column<SumRow>[] = [
  { title: 'SUM', text: ({ source }) => source },
  { title: 'DEBITS', align: 'right', text: ({ debits }) => debits.toString() },
  { title: 'INPUT TOKENS', align: 'right', text: ({ inputTokens }) => inputTokens.toString() },
  { title: 'OUTPUT TOKENS', align: 'right', text: ({ outputTokens }) => outputTokens.toString() },
  { title: 'NANO-USD', align: 'right', text: ({ amountNanos }) => amountNanos.toString() },
];

export const sumRows = ({ ledger, file }: ReplayReport): readonly SumRow[] => [
  { source: 'of the ledger, from the service', ...ledger },
  { source: 'of the file, computed apart', ...file, debits: BigInt(file.rows) },
];

export function verdictText(report: ReplayReport): string {
  if (report.incomparable !== undefined) return `Not compared: ${report.incomparable}`;
  if (agrees(report)) return 'The sums are equal, to the nano-dollar.';
  const off = report.ledger.amountNanos - report.file.amountNanos;
  return `THE SUMS DIFFER: the ledger has ${off > 0n ? '+' : ''}${off} nano-USD.`;
}
