/**
 * A decision of the counter engine alone: 4 hot counters and a cold one, as a call meets them whose root,
 * customer and team are busy and whose key is one of many; from a thousand live counters to ten million.
 */
import { SeededRandom } from '../common/seeded-random.js';
import { type WallMs, wallMs } from '../common/time.js';
import type { Demand } from '../counters/core/counter.js';
import { LocalCounterEngine } from '../counters/local-counter-engine.js';
import { type Bench, type BenchResult, quantile, round } from './bench-result.js';
import { counterOf, cpuNanos, demandOf, type Kind, memoryReadNanos, NOW } from './counter-load.js';

const SIZES = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
const SLICE = 1_000;
const SLICES = 400;

export const counterDecisionsBench: Bench = {
  name: 'counter-decisions',
  async run({ keys }, progress): Promise<BenchResult> {
    const rows: (string | number)[][] = [];
    for (const size of SIZES.filter((each) => each <= keys * 10)) {
      progress(`sliding windows, ${size} live counters`);
      rows.push(...measure('sliding window', size, size === 1_000_000 ? [1, 5, 20] : [5]));
    }
    progress(`token buckets, ${Math.min(keys, 1e6)} live counters`);
    rows.push(...measure('token bucket', Math.min(keys, 1_000_000), [5]));
    return {
      name: this.name,
      title: 'Decide in the counter engine: one cold counter of many, the others hot',
      columns: [
        'kind',
        'live counters',
        'demands',
        'p10, us',
        'median, us',
        'p90, us',
        'bytes each',
      ],
      rows,
      notes: [
        `CPU time of one take, all of it counted, averaged over slices of ${SLICE}; quantiles over ${SLICES} slices`,
        `one read of main memory that waits for the one before: ${round(memoryReadNanos(), 0)} ns in this run`,
        'the cold counter is drawn at random, and its name has not been seen lately; bytes: typed arrays of the engine',
      ],
    };
  },
};

function measure(kind: Kind, size: number, widths: readonly number[]): (string | number)[][] {
  const engine = new LocalCounterEngine({ liveMax: 100_000_000 }, { k0: 1, k1: 2 });
  const demand = (i: number): Demand => demandOf(counterOf(i, kind));
  let now: WallMs = NOW;
  for (let i = 0; i < size; i++) engine.take([demand(i)], now);
  const { bytes, live } = engine.stats();
  const hot = Array.from({ length: 20 }, (_, i) => demand(-1 - i));
  const random = new SeededRandom(1);
  return widths.map((width) => {
    const nanos: number[] = [];
    for (let slice = 0; slice < SLICES * 1.5; slice++) {
      now = wallMs(now + 1);
      const calls = Array.from({ length: SLICE }, () => [
        ...hot.slice(0, width - 1),
        demand(random.below(size)),
      ]);
      const startedAt = cpuNanos();
      for (const demands of calls) engine.take(demands, now);
      nanos.push((cpuNanos() - startedAt) / SLICE);
    }
    const measured = nanos.slice(SLICES / 2);
    const micros = [0.1, 0.5, 0.9].map((q) => round(quantile(measured, q) / 1_000, 2));
    return [kind, size, width, ...micros, round(bytes / live, 1)];
  });
}
