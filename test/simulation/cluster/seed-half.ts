/** The fixed seeds in two halves, which run beside each other; each must have met everything by itself. */
import { expect } from '@jest/globals';
import { SeedReport } from './seed-report.js';

/** Of both halves. `SEEDS` asks for more, or for less where there is no time. */
export const SEEDS = Number(process.env['SEEDS'] ?? 500);
const OPERATIONS_MIN = 2_000;

export function expectSoundSeeds(which: 'first' | 'second'): void {
  const report = new SeedReport();
  const half = Math.ceil(SEEDS / 2);
  const from = which === 'first' ? 0 : half;
  for (let seed = from; seed < from + half; seed++) report.run(seed);
  process.stdout.write(`${report.text()}\n`);
  expect(report.failures).toEqual([]);
  expect(report.unmet).toEqual([]);
  expect(report.denials).toBeGreaterThan(half * 100);
  expect(report.refusedFull).toBeGreaterThan(0);
  expect(report.restartsInLiveWindow).toBeGreaterThan(half / 10);
  expect(report.operations).toBeGreaterThanOrEqual(half * OPERATIONS_MIN);
}
