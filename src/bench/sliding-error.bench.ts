/**
 * How often the sliding window, which knows two numbers, decides other than a log that knows every call,
 * on real traffic. Twice: over all calls as they were offered, which is how Cloudflare published 0.003 %
 * of 400 million; and over what a limit admitted, where an error changes what comes after it.
 *
 * The traces name no caller, so calls are dealt to keys by lot, a few of them busy and most of them not
 * (Zipf). Limits are set where they bind: at quantiles of what the exact log counts at the calls.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SeededRandom } from '../common/seeded-random.js';
import { wallMs } from '../common/time.js';
import type { CounterSpec } from '../counters/core/counter.js';
import { LocalCounterEngine } from '../counters/local-counter-engine.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import { demandOf } from './counter-load.js';

const WINDOWS_MS = [10_000, 60_000, 600_000];
const KEYS = [1, 20, 200];
const QUANTILES = [0.5, 0.9, 0.99, 0.999];

interface Call {
  readonly at: number;
  readonly key: number;
}

interface Scene {
  readonly calls: readonly Call[];
  readonly windowMs: number;
  readonly maximum: number;
}

interface Errors {
  /** Admitted, and the log would not have; denied, and the log would have admitted. */
  wronglyAdmitted: number;
  wronglyDenied: number;
  denied: number;
}

/** `folder` holds traces: CSV with a first column TIMESTAMP. */
export const slidingErrorBench = (folder: string): Bench => ({
  name: 'sliding-error',
  async run(_options, progress): Promise<BenchResult> {
    const rows: (string | number)[][] = [];
    const totals: Totals = { calls: 0, offered: 0, admitted: 0 };
    for (const { trace, times, windowMs, keys } of scenesIn(folder)) {
      progress(`${trace}, ${windowMs / 1_000} s, ${keys} keys`);
      const calls = dealt(times, keys);
      for (const [q, maximum] of limitsFor(calls, windowMs)) {
        const figures = row({ calls, windowMs, maximum }, totals);
        rows.push([trace, windowMs / 1_000, keys, `p${q * 100}: ${maximum}`, ...figures]);
      }
    }
    return {
      name: 'sliding-error',
      title:
        'Decisions of the sliding window that an exact log would have made otherwise, percent of calls',
      columns: [
        'trace',
        'window, s',
        'keys',
        'limit',
        'offered: denied',
        'wrongly admitted',
        'wrongly denied',
        'limited: denied',
        'wrongly admitted ',
        'wrongly denied ',
      ],
      rows,
      notes: [
        `of all ${totals.calls} decisions: ${percent(totals.offered, totals.calls)} % wrong as offered, ${percent(totals.admitted, totals.calls)} % under the limit`,
        'every limit binds here, at a quantile of its own traffic; a limit that is seldom reached is seldom wrong',
      ],
    };
  },
});

interface Totals {
  calls: number;
  offered: number;
  admitted: number;
}

function row(scene: Scene, totals: Totals): number[] {
  const offered = compare(scene, false);
  const admitted = compare(scene, true);
  const { length } = scene.calls;
  totals.calls += length;
  totals.offered += offered.wronglyAdmitted + offered.wronglyDenied;
  totals.admitted += admitted.wronglyAdmitted + admitted.wronglyDenied;
  return [...shares(offered, length), ...shares(admitted, length)];
}

function* scenesIn(folder: string) {
  for (const [trace, times] of tracesIn(folder))
    for (const windowMs of WINDOWS_MS)
      for (const keys of KEYS) yield { trace, times, windowMs, keys };
}

function tracesIn(folder: string): readonly (readonly [string, readonly number[]])[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.csv'))
    .map((file) => [file, readFileSync(join(folder, file), 'utf8').split('\n')] as const)
    .filter(([, lines]) => lines[0]?.startsWith('TIMESTAMP') === true)
    .map(([file, lines]) => [file.replace('.csv', ''), lines.slice(1).flatMap(timeOf)] as const);
}

/** `2023-11-16 18:17:03.9799600,...`, to the millisecond. */
function timeOf(line: string): number[] {
  const at = Date.parse(`${line.slice(0, 23).replace(' ', 'T')}Z`);
  return Number.isNaN(at) ? [] : [at];
}

function dealt(times: readonly number[], keys: number): readonly Call[] {
  const random = new SeededRandom(1);
  const weights = Array.from({ length: keys }, (_, i) => 1 / (i + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const draw = (): number => {
    let rest = random.fraction() * total;
    return Math.max(
      0,
      weights.findIndex((weight) => (rest -= weight) <= 0),
    );
  };
  return times.map((at) => ({ at, key: draw() }));
}

/** Distinct limits, of which the lowest is 1. */
function limitsFor(calls: readonly Call[], windowMs: number): ReadonlyMap<number, number> {
  const logs = new Map<number, number[]>();
  const counts = calls.map(({ at, key }) => {
    const log = logs.get(key) ?? [];
    logs.set(key, log);
    log.push(at);
    return trailing(log, at, windowMs);
  });
  const limits = new Map<number, number>();
  for (const q of QUANTILES) limits.set(q, Math.max(1, quantile(counts, q)));
  return limits;
}

/** How many of a log's calls lie in the window that ends now; the others are dropped. */
function trailing(log: number[], now: number, windowMs: number): number {
  const first = log.findIndex((at) => at > now - windowMs);
  log.splice(0, first === -1 ? log.length : first);
  return log.length;
}

function compare({ calls, windowMs, maximum }: Scene, isLimited: boolean): Errors {
  const engine = new LocalCounterEngine({ liveMax: 1_000_000 });
  const logs = new Map<number, number[]>();
  const errors: Errors = { wronglyAdmitted: 0, wronglyDenied: 0, denied: 0 };
  for (const { at, key } of calls) {
    const log = logs.get(key) ?? [];
    logs.set(key, log);
    const admits = trailing(log, at, windowMs) < maximum;
    const demands = [demandOf(sliding(key, windowMs, maximum))];
    const [reading] = engine.read(demands, wallMs(at));
    const isAdmitted = reading?.admits === true;
    if (isAdmitted && !admits) errors.wronglyAdmitted += 1;
    if (!isAdmitted && admits) errors.wronglyDenied += 1;
    if (!isAdmitted) errors.denied += 1;
    if (isLimited && !isAdmitted) continue;
    engine.add(demands, wallMs(at));
    log.push(at);
  }
  return errors;
}

const sliding = (key: number, durationMs: number, maximum: number): CounterSpec => ({
  name: `key-${key}`,
  algorithm: 'sliding_window',
  window: { kind: 'duration', durationMs, anchorMs: 0 },
  maximum,
});

const percent = (part: number, whole: number): number => round((100 * part) / whole, 3);

const shares = ({ denied, wronglyAdmitted, wronglyDenied }: Errors, calls: number): number[] =>
  [denied, wronglyAdmitted, wronglyDenied].map((count) => percent(count, calls));
