/** `npm run sim -- [--seeds N] [--from SEED] [--seed SEED]`: the simulation of counting together. */
import { parseArgs } from 'node:util';
import { SeedReport } from './seed-report.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
  },
});
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isInteger(from) || !Number.isInteger(count) || count < 1)
  throw new Error('sim: --seeds, --from and --seed take whole numbers');

const report = new SeedReport();
for (let seed = from; seed < from + count; seed++) {
  report.run(seed);
  if (process.stderr.isTTY || (seed - from + 1) % 25 === 0)
    process.stderr.write(
      `${seed - from + 1} of ${count} seeds, ${report.failures.length} failed\n`,
    );
}
process.stdout.write(`${report.text()}\n`);
process.exitCode = report.failures.length === 0 ? 0 : 1;
