/**
 * Goal: our detection times are those of the real program, and Lifeguard does what its paper says.
 * Method: the set-up of `lifeguard-study.ts`, a short run of each row; `npm run sim:gossip` makes the
 * tables of `docs/gossip.md`.
 */
import { describe, expect, it } from '@jest/globals';
import {
  CONFIGURATIONS,
  type Configuration,
  quantile,
  studyDetection,
  studyFalsePositives,
  TWO_CORES,
} from './lifeguard-study.js';

const MEMBERS = 128;

/** Median seconds of the real program with 128 members: first, then full detection. */
const REAL: readonly (readonly [name: string, first: number, full: number])[] = [
  ['SWIM', 12.31, 12.73],
  ['LHA-Probe', 12.41, 12.85],
  ['LHA-Suspicion', 12.15, 12.59],
  ['Lifeguard', 12.14, 12.6],
  ['Lifeguard, suspicion multiplier 4', 10.18, 10.62],
  ['Lifeguard, suspicion multiplier 2', 6.12, 6.6],
];

const report = (line: string): void => void process.stderr.write(`${line}\n`);

function configuration(wanted: string): Configuration {
  const found = CONFIGURATIONS.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`no configuration ${wanted}`);
  return found;
}

describe(`${MEMBERS} members`, () => {
  it.each(REAL)(
    '%s detects in time',
    (name, realFirst, realFull) => {
      const found = studyDetection(configuration(name), MEMBERS, 1, 42);
      const [first, full] = [found.first, found.full].map((times) => quantile(times, 0.5) / 1_000);
      report(`detection ${name}: first ${first?.toFixed(2)} full ${full?.toFixed(2)}`);
      expect(found.detectedByAll).toBe(found.victims);
      expect(Math.abs((first ?? 0) / realFirst - 1)).toBeLessThan(0.2);
      expect(Math.abs((full ?? 0) / realFull - 1)).toBeLessThan(0.2);
    },
    1_800_000,
  );

  it('Lifeguard buries at most 3 % of the healthy that SWIM buries', () => {
    const [swim = 0, lifeguard = 0] = ['SWIM', 'Lifeguard'].map((name) => {
      const found = studyFalsePositives(configuration(name), MEMBERS, 32, {
        seed: 108,
        blocksSenders: true,
        costs: TWO_CORES,
        // Three times held and released.
        lastsMs: 50_000,
      });
      report(
        `false positives ${name}: ${found.events}, at the healthy ${found.atHealthy}, ` +
          `${found.coreShare.toFixed(2)} cores`,
      );
      return found.events;
    });
    // Enough to compare with; the more releases, the more of them, so the tables have thousands.
    expect(swim).toBeGreaterThan(33);
    expect(lifeguard).toBeLessThanOrEqual(0.03 * swim);
  }, 1_800_000);
});
