/**
 * `node --expose-gc dist/bench/counters.js [--only NAME,NAME] [--keys N] [--traces FOLDER] [--json FILE]`
 *
 * The benchmarks of the counter engine alone. Real traces are read only where `--traces` says they are.
 */
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import type { Bench, BenchResult } from './bench-result.js';
import { counterDecisionsBench } from './counter-decisions.bench.js';
import { counterMemoryBench } from './counter-memory.bench.js';
import { counterStoresBench } from './counter-stores.bench.js';
import { slidingErrorBench } from './sliding-error.bench.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    keys: { type: 'string', default: '1000000' },
    traces: { type: 'string' },
    json: { type: 'string' },
  },
});

const benches: readonly Bench[] = [
  counterStoresBench,
  counterDecisionsBench,
  counterMemoryBench,
  ...(values.traces === undefined ? [] : [slidingErrorBench(values.traces)]),
];
const names = benches.map(({ name }) => name);
const wanted = values.only?.split(',') ?? names;
const keys = Number(values.keys);
if (!wanted.every((name) => names.includes(name)) || !(keys >= 1_000)) {
  write(`counters: --only takes ${names.join(', ')}; --keys takes 1000 or more\n`);
  process.exitCode = 2;
} else await runAll();

async function runAll(): Promise<void> {
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, load ${load}`;
  write(`${machine}\n`);
  const results: BenchResult[] = [];
  for (const bench of benches.filter(({ name }) => wanted.includes(name))) {
    const result = await bench.run({ seconds: 0, keys }, showProgress);
    showProgress('');
    write(`\n${result.title}\n${tableOf(result)}\n`);
    for (const note of result.notes) write(`  ${note}\n`);
    results.push(result);
  }
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
}

function tableOf({ columns, rows }: BenchResult): string {
  const table = new Table({ head: [...columns], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

function write(text: string): void {
  process.stdout.write(text);
}

function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${line}`);
}
