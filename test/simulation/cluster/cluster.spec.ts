import { describe, expect, it } from '@jest/globals';
import { runScenario } from './scenario.js';
import { SeedReport } from './seed-report.js';

/** `SEEDS` asks for more, or for less where there is no time. */
const SEEDS = Number(process.env['SEEDS'] ?? 500);
const OPERATIONS_MIN = 2_000;

describe('replicas that count together', () => {
  it(`neither lose nor double a count in ${SEEDS} seeds, and keep to the bound`, () => {
    const report = new SeedReport();
    for (let seed = 0; seed < SEEDS; seed++)
      try {
        report.add(runScenario(seed));
      } catch (error) {
        report.fail(seed, error instanceof Error ? error : new Error(String(error)));
      }
    process.stdout.write(`${report.text()}\n`);
    expect(report.failures).toEqual([]);
    expect(report.unmet).toEqual([]);
    expect(report.denials).toBeGreaterThan(SEEDS * 100);
    expect(report.refusedFull).toBeGreaterThan(0);
    expect(report.restartsInLiveWindow).toBeGreaterThan(SEEDS / 10);
    expect(report.operations).toBeGreaterThanOrEqual(SEEDS * OPERATIONS_MIN);
  }, 3_600_000);
});
