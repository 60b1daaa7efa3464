/** Eight hours of traffic with a million distinct groups, in simulated time: does memory stay? */
import { SeededRandom } from '../common/seeded-random.js';
import { wallMs } from '../common/time.js';
import { LocalCounterEngine } from '../counters/local-counter-engine.js';
import { type Bench, type BenchResult, round } from './bench-result.js';
import { counterOf, demandOf, NOW, usedBytes } from './counter-load.js';

const HOURS = 8;
const CALLS_PER_SECOND = 500;
const GROUPS = 1_000_000;
const MEGABYTE = 1_048_576;

export const counterMemoryBench: Bench = {
  name: 'counter-memory',
  async run(_options, progress): Promise<BenchResult> {
    const engine = new LocalCounterEngine({ liveMax: 5_000_000 }, { k0: 1, k1: 2 });
    const random = new SeededRandom(1);
    const before = usedBytes();
    const rows: (string | number)[][] = [];
    for (let second = 0; second < HOURS * 3_600; second++) {
      for (let call = 0; call < CALLS_PER_SECOND; call++) {
        const demand = demandOf(counterOf(random.below(GROUPS), 'sliding window'));
        engine.take([demand], wallMs(NOW + second * 1_000 + call));
      }
      if ((second + 1) % 3_600 !== 0) continue;
      const { live, bytes } = engine.stats();
      const hour = (second + 1) / 3_600;
      rows.push([
        hour,
        live,
        round(bytes / MEGABYTE, 1),
        round((usedBytes() - before) / MEGABYTE, 1),
      ]);
      progress(`hour ${hour}`);
    }
    return {
      name: this.name,
      title: `${HOURS} simulated hours, ${CALLS_PER_SECOND} calls a second, each from one of ${GROUPS.toLocaleString('en')} groups; sliding windows of a minute`,
      columns: ['hour', 'live counters', 'engine, MiB', 'heap and arrays grown by, MiB'],
      rows,
      notes: ['a counter is of use for one to two minutes; what is above that waits for the sweep'],
    };
  },
};
