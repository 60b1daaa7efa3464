/** What counting together costs between regions, on the wire and in memory. */
import { REPLICATION_DEFAULTS } from '../cluster/core/replication-options.js';
import { type Bench, type BenchResult, round } from './bench-result.js';
import { measureMemory, measureReplication } from './replication-measure.js';
import type { NetShape } from './replication-net.js';

const SHAPES = [
  { regions: 2, replicas: 2 },
  { regions: 2, replicas: 3 },
  { regions: 3, replicas: 3 },
] as const;
const COUNTERS = [10, 1_000, 5_000] as const;
/** For memory, which comes in steps. */
const MANY = 60_000;
const { syncIntervalMs, regionSyncIntervalMs } = REPLICATION_DEFAULTS;
/** What one entry takes while counts are small, and what a relay's message has for each source. */
const ENTRY_BYTES = 22;
const SOURCE_BYTES = 60;

/** `--seconds` N: each figure is taken over N seconds of the replicas' own clock, 2 at most. */
export const regionsBench: Bench = {
  name: 'regions',
  run({ seconds }, progress): Promise<BenchResult> {
    const lastsMs = Math.min(2, seconds) * 1_000;
    const rows = SHAPES.flatMap((shape) => {
      progress(`${shape.regions} regions of ${shape.replicas}`);
      const memory = measureMemory({ ...shape, counters: MANY }) / MANY;
      return COUNTERS.map((counters) => [
        ...wireOf({ ...shape, counters }, lastsMs),
        Math.round(memory),
      ]);
    });
    return Promise.resolve({
      name: 'regions',
      title: `What each region sends in a second, every counter counted everywhere each ${syncIntervalMs} ms`,
      columns: [
        'regions',
        'replicas of each',
        'counters',
        'within, KB',
        'to others, messages',
        'to others, KB',
        'formula',
        'memory a counter, bytes',
      ],
      rows,
      notes: [
        `to others: (G - 1) R x 1000 / ${regionSyncIntervalMs} x (C x b + s), b = ${ENTRY_BYTES} for a sliding window, s = ${SOURCE_BYTES}`,
        'G regions of R replicas, C counters that have changed in an interval; without the framing of gRPC and TCP',
      ],
    });
  },
};

function wireOf(shape: NetShape, lastsMs: number): (string | number)[] {
  const { regions, replicas, counters } = shape;
  const { within, between } = measureReplication(shape, lastsMs);
  const ticks = (regions - 1) * (1_000 / regionSyncIntervalMs);
  const bytes = ticks * replicas * (counters * ENTRY_BYTES + SOURCE_BYTES);
  return [
    regions,
    replicas,
    counters,
    round((within.deltaBytes + within.answerBytes) / regions / 1_000, 1),
    Math.round((between.deltas + between.answers) / regions),
    round((between.deltaBytes + between.answerBytes) / regions / 1_000, 1),
    round(bytes / 1_000, 1),
  ];
}
