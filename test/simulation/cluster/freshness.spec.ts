/**
 * Goal: what a replica says of the age of its news is true. Method: one that is told less and less, since what it
 * acknowledges is lost on the way, against what the other had counted by then.
 */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import type { CounterSpec } from '../../../src/counters/core/counter.js';
import { SimulatedReplicas } from './simulated-replicas.js';

const COUNTER: CounterSpec = {
  name: 'lim_1/1',
  algorithm: 'fixed_window',
  window: { kind: 'duration', durationMs: 3_600_000, anchorMs: 0 },
  maximum: 1_000_000,
};
const STEP_MS = 20;
/** What a message takes, and the steps in which we look. */
const WAY_MS = 10 + STEP_MS;

describe('the age of news', () => {
  it.each(['acknowledgements are lost', 'nothing is lost'])(
    'is never less than it is, while %s',
    (how) => {
      const cluster = new SimulatedReplicas(new SeededRandom(3), { liveMax: 100 });
      const [teller, hearer] = [cluster.add('eu'), cluster.add('eu')];
      cluster.run(3_000);
      if (how !== 'nothing is lost') cluster.cuts = (from, to) => from === hearer && to === teller;
      const told: { readonly at: number; readonly counted: number }[] = [];
      let oldestMs = 0;
      for (let n = 1; n <= 500; n++) {
        cluster.take(teller, COUNTER, 1);
        told.push({ at: cluster.now, counted: n });
        cluster.run(STEP_MS);
        const ageMs = hearer.machine.freshnessMs(cluster.instantOf(hearer)) ?? Infinity;
        const since = cluster.now - ageMs - WAY_MS;
        const known = told.findLast(({ at }) => at <= since)?.counted ?? 0;
        expect(cluster.counted(hearer, COUNTER)).toBeGreaterThanOrEqual(known);
        oldestMs = Math.max(oldestMs, ageMs);
      }
      if (how === 'nothing is lost') expect(oldestMs).toBeLessThan(300);
      else expect(oldestMs).toBeGreaterThan(300);
    },
  );
});
