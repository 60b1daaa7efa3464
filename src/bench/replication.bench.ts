/** What counting together costs on the wire, by replicas and by counters that change. */
import { REPLICATION_DEFAULTS } from '../cluster/core/replication-options.js';
import { type Bench, type BenchResult, round } from './bench-result.js';
import { ReplicationNet, type WireTally } from './replication-net.js';

const REPLICAS = [2, 3, 5] as const;
const COUNTERS = [10, 1_000, 10_000] as const;
const WARM_UP_MS = 500;
const { syncIntervalMs, messageBytesMax } = REPLICATION_DEFAULTS;
/** What one entry takes while counts are small, and what a message has beside its entries. */
const ENTRY_BYTES = 21;
const MESSAGE_BYTES = 32;

/** `--seconds` N: each figure is taken over N seconds of the replicas' own clock, 1 at most. */
export const replicationBench: Bench = {
  name: 'replication',
  run({ seconds }, progress): Promise<BenchResult> {
    const intervals = Math.round((Math.min(1, seconds) * 1_000) / syncIntervalMs);
    const rows = REPLICAS.flatMap((replicas) =>
      COUNTERS.map((counters) => {
        progress(`${replicas} replicas, ${counters} counters`);
        return rowOf({ replicas, counters }, measure({ replicas, counters }, intervals));
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

interface Shape {
  readonly replicas: number;
  readonly counters: number;
}

function measure({ replicas, counters }: Shape, intervals: number): WireTally {
  const net = new ReplicationNet(replicas, counters);
  net.run(WARM_UP_MS);
  // The first time every counter is new.
  net.count(counters);
  net.run(WARM_UP_MS);
  const before = { ...net.tally };
  for (let n = 0; n < intervals; n++) {
    net.count(counters);
    net.run(syncIntervalMs);
  }
  const { tally } = net;
  const since = (key: keyof WireTally): number =>
    (tally[key] - before[key]) / replicas / ((intervals * syncIntervalMs) / 1_000);
  const perSecond = {
    deltas: since('deltas'),
    deltaBytes: since('deltaBytes'),
    answers: since('answers'),
    answerBytes: since('answerBytes'),
  };
  expectAgreement(net, { replicas, counters }, intervals);
  return perSecond;
}

/** A wire that carried less than the counts would look cheap. */
function expectAgreement(net: ReplicationNet, { replicas, counters }: Shape, intervals: number) {
  net.run(WARM_UP_MS);
  const expected = replicas * (intervals + 1);
  for (const counter of [0, counters - 1])
    if (net.counted(counter).some((counted) => counted !== expected))
      throw new Error(`replicas count ${net.counted(counter).join(', ')} in place of ${expected}`);
}

function rowOf({ replicas, counters }: Shape, tally: WireTally): (string | number)[] {
  const { deltas, deltaBytes, answers, answerBytes } = tally;
  const ticks = (replicas - 1) * (1_000 / syncIntervalMs);
  const messages = 2 * ticks * Math.ceil((counters * ENTRY_BYTES) / messageBytesMax);
  const bytes = ticks * (counters * ENTRY_BYTES + MESSAGE_BYTES);
  return [
    replicas,
    counters,
    Math.round(deltas + answers),
    messages,
    round(deltaBytes / 1_000, 1),
    round(bytes / 1_000, 1),
    round(answerBytes / 1_000, 1),
    round(deltaBytes / ticks / counters, 1),
  ];
}
