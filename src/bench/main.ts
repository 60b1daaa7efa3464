/** `npm run bench -- [--only NAME,NAME] [--seconds N] [--keys N] [--json FILE]` */
import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
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

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    keys: { type: 'string', default: '1000000' },
    json: { type: 'string' },
  },
});

const options: BenchOptions = { seconds: Number(values.seconds), keys: Number(values.keys) };
const wanted = values.only?.split(',') ?? BENCHES.map(({ name }) => name);
const unknown = wanted.filter((name) => !BENCHES.some((bench) => bench.name === name));
if (unknown.length > 0 || !(options.seconds > 0) || !(options.keys > 0)) {
  const names = BENCHES.map(({ name }) => name).join(', ');
  console.error(`bench: --only takes ${names}; --seconds and --keys take numbers above 0`);
  process.exit(2);
}

const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`;
console.log(machine);
const results: BenchResult[] = [];
for (const bench of BENCHES.filter(({ name }) => wanted.includes(name))) {
  const result = await bench.run(options, showProgress);
  clearProgress();
  console.log(`\n${result.title}`);
  print(result);
  results.push(result);
}
if (values.json !== undefined)
  writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);

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
