/** What counting together costs on the wire, by replicas and by counters that change. */
import { REPLICATION_DEFAULTS } from '../cluster/core/replication-options.js';
import { type Bench, type BenchResult, round } from './bench-result.js';
import { measureReplication } from './replication-measure.js';

const REPLICAS = [2, 3, 5] as const;
const COUNTERS = [10, 1_000, 10_000] as const;
const { syncIntervalMs, messageBytesMax } = REPLICATION_DEFAULTS;
/** What one entry takes while counts are small, and what a message has beside its entries. */
const ENTRY_BYTES = 21;
const MESSAGE_BYTES = 32;

/** `--seconds` N: each figure is taken over N seconds of the replicas' own clock, 1 at most. */
export const replicationBench: Bench = {
  name: 'replication',
  run({ seconds }, progress): Promise<BenchResult> {
    const lastsMs = Math.min(1, seconds) * 1_000;
    const rows = REPLICAS.flatMap((replicas) =>
      COUNTERS.map((counters) => {
        progress(`${replicas} replicas, ${counters} counters`);
        return rowOf(replicas, counters, lastsMs);
      }),
    );
    return Promise.resolve({
      name: 'replication',
      title: `What each replica sends in a second, every counter counted everywhere each ${syncIntervalMs} ms`,
      columns: [
        'replicas',
        'counters',
        'messages',
        'formula',
        'deltas, KB',
        'formula',
        'answers, KB',
        'bytes a counter',
      ],
      rows,
      notes: [
        'messages: 2 (R - 1) x 1000 / interval x ceil(C x b / 64 KiB), deltas and their acknowledgements',
        `bytes of deltas: (R - 1) x 1000 / interval x (C x b + ${MESSAGE_BYTES}), b = ${ENTRY_BYTES} for a sliding window`,
        'R replicas, C counters that have changed in an interval; without the framing of gRPC and TCP',
      ],
    });
  },
};

function rowOf(replicas: number, counters: number, lastsMs: number): (string | number)[] {
  const { within } = measureReplication({ regions: 1, replicas, counters }, lastsMs);
  const ticks = (replicas - 1) * (1_000 / syncIntervalMs);
  const messages = 2 * ticks * Math.ceil((counters * ENTRY_BYTES) / messageBytesMax);
  const bytes = ticks * (counters * ENTRY_BYTES + MESSAGE_BYTES);
  return [
    replicas,
    counters,
    Math.round((within.deltas + within.answers) / replicas),
    messages,
    round(within.deltaBytes / replicas / 1_000, 1),
    round(bytes / 1_000, 1),
    round(within.answerBytes / replicas / 1_000, 1),
    round(within.deltaBytes / replicas / ticks / counters, 1),
  ];
}
