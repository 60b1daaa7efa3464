/**
 * Where a million counters are kept: a map of objects by name, or a slab of records by fingerprint. Each
 * store does what a decision does to it, find a counter and count in it, and nothing else.
 */
import { ABSENT, CounterSlab } from '../counters/core/counter-slab.js';
import { Fingerprinter } from '../counters/core/fingerprint.js';
import { Population } from '../counters/core/population.js';
import { SeededRandom } from '../common/seeded-random.js';
import { type Bench, type BenchResult, median, round } from './bench-result.js';
import { cpuNanos, nameOf, usedBytes } from './counter-load.js';

interface Store {
  count(name: string): void;
}

class MapOfObjects implements Store {
  private readonly counters = new Map<
    string,
    { taken: number; returned: number; windowStart: number }
  >();

  count(name: string): void {
    const counter = this.counters.get(name);
    if (counter === undefined) this.counters.set(name, { ...EMPTY, taken: 1 });
    else counter.taken += 1;
  }
}

const EMPTY = {
  taken: 0,
  returned: 0,
  windowStart: 1.78e12,
  expiresAt: 1.79e12,
  previousTaken: 0.5,
  previousReturned: 0.5,
};

class SlabOfRecords implements Store {
  private readonly slab = new CounterSlab(5, new Population(100_000_000));
  private readonly fingerprints = new Fingerprinter({ k0: 1, k1: 2 });

  count(name: string): void {
    this.fingerprints.of(name);
    let record = this.slab.find(this.fingerprints);
    if (record === ABSENT) record = this.slab.insert(this.fingerprints, undefined);
    const columns = this.slab.records.numbers(record);
    const taken = this.slab.records.at(record) + 4;
    columns[taken] = (columns[taken] ?? 0) + 1;
  }
}

const STORES: readonly (readonly [string, () => Store])[] = [
  ['map of objects', () => new MapOfObjects()],
  ['slab of records', () => new SlabOfRecords()],
];

const SLICE = 1_000;
const SLICES = 200;

export const counterStoresBench: Bench = {
  name: 'counter-stores',
  async run({ keys }, progress): Promise<BenchResult> {
    const rows: (string | number)[][] = [];
    for (const size of [keys / 100, keys / 10, keys].map(Math.ceil))
      for (const [name, make] of STORES) {
        progress(`${name}, ${size} counters`);
        rows.push([size, name, ...measure(make, size)]);
        await nextTurn();
      }
    return {
      name: this.name,
      title: 'Where counters are kept: memory, and CPU time to find a counter and count in it',
      columns: [
        'counters',
        'store',
        'bytes each',
        'cold, ns',
        'hot, ns',
        'insert, ns',
        'longest 100 inserts, ms',
        'full GC, ms',
      ],
      rows,
      notes: [
        'cold: a counter drawn at random; hot: one of eight; both with the name to be looked up at hand',
        `medians over ${SLICES} slices of ${SLICE}; bytes after a full collection, names included where they are kept`,
      ],
    };
  },
};

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function measure(make: () => Store, size: number): readonly number[] {
  const before = usedBytes();
  const store = make();
  const { insertNanos, pauseMs } = fill(store, size);
  const bytes = usedBytes() - before;
  const random = new SeededRandom(1);
  const cold = look(store, () => random.below(size));
  const hot = look(store, () => random.below(8));
  const collectAt = cpuNanos();
  globalThis.gc?.();
  const collectMs = (cpuNanos() - collectAt) / 1e6;
  return [
    round(bytes / size, 1),
    Math.round(cold),
    Math.round(hot),
    Math.round(insertNanos),
    round(pauseMs, 1),
    round(collectMs, 1),
  ];
}

function fill(store: Store, size: number): { insertNanos: number; pauseMs: number } {
  let total = 0;
  let longest = 0;
  for (let from = 0; from < size; from += 100) {
    const names = Array.from({ length: Math.min(100, size - from) }, (_, i) => nameOf(from + i));
    const startedAt = cpuNanos();
    for (const name of names) store.count(name);
    const took = cpuNanos() - startedAt;
    total += took;
    longest = Math.max(longest, took);
  }
  return { insertNanos: total / size, pauseMs: longest / 1e6 };
}

function look(store: Store, pick: () => number): number {
  const nanos = Array.from({ length: SLICES }, () => {
    const names = Array.from({ length: SLICE }, () => nameOf(pick()));
    const startedAt = cpuNanos();
    for (const name of names) store.count(name);
    return (cpuNanos() - startedAt) / SLICE;
  });
  return median(nanos.slice(SLICES / 4));
}
