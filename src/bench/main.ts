/** `npm run bench -- [--only NAME,NAME] [--seconds N] [--keys N] [--json FILE]` */
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import type { Bench, BenchOptions, BenchResult } from './bench-result.js';
import { clusterBench } from './cluster.bench.js';
import { codecBench } from './codec.bench.js';
import { convergenceBench } from './convergence.bench.js';
import { debitsBench } from './debits.bench.js';
import { decideBench } from './decide.bench.js';
import { holdsBench } from './holds.bench.js';
import { floodBench } from './flood.bench.js';
import { gossipBench } from './gossip.bench.js';
import { ledgerBench } from './ledger.bench.js';
import { regionsBench } from './regions.bench.js';
import { replicationBench } from './replication.bench.js';
import { rpcCostBench } from './rpc-cost.bench.js';

const BENCHES: readonly Bench[] = [
  decideBench,
  codecBench,
  rpcCostBench,
  floodBench,
  ledgerBench,
  debitsBench,
  holdsBench,
  gossipBench,
  clusterBench,
  convergenceBench,
  replicationBench,
  regionsBench,
];

const NAMES = BENCHES.map(({ name }) => name);

const { only, ...options } = new Command('npm run bench --')
  .description('Measures this machine; docs/performance.md says what each figure means.')
  .option('--only <names>', `some of ${NAMES.join(', ')}`, namesOf, NAMES)
  .option('--seconds <n>', 'how long each measurement takes', positive, 3)
  .option('--keys <n>', 'how many keys there are', positive, 1_000_000)
  .option('--json <file>', 'writes the results there, too')
  .parse()
  .opts<BenchOptions & { only: readonly string[]; json?: string }>();

const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;
console.log(machine);
const results: BenchResult[] = [];
for (const bench of BENCHES.filter(({ name }) => only.includes(name))) {
  const result = await bench.run(options, showProgress);
  clearProgress();
  console.log(`\n${result.title}`);
  print(result);
  results.push(result);
}
if (options.json !== undefined)
  writeFileSync(options.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);

function print({ columns, rows, notes }: BenchResult): void {
  const table = new Table({ head: [...columns], style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  console.log(table.toString());
  for (const note of notes) console.log(`  ${note}`);
}

function showProgress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[2K${line}`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K');
}

function namesOf(text: string): readonly string[] {
  const names = text.split(',');
  if (names.every((name) => NAMES.includes(name))) return names;
  throw new InvalidArgumentError(`Give some of ${NAMES.join(', ')}.`);
}

function positive(text: string): number {
  const number = Number(text);
  if (number > 0) return number;
  throw new InvalidArgumentError('Give a number above 0.');
}
