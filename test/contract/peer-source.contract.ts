import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SelfAnnouncement } from '../../src/discovery/peer-source.js';
import { eventually } from '../support/eventually.js';
import type { RecordingPeerListener } from '../support/recording-peer-listener.js';

/** The source of one replica, looking. */
export interface RunningSource {
  readonly seen: RecordingPeerListener;
  /** As a replica that leaves. */
  stop(): Promise<void>;
  /** As a replica that is killed: no farewell. */
  kill(): Promise<void>;
}

/** What the suite needs around a source: the service behind it, real or not, and its platform. */
export interface PeerSourceBench {
  /** Where the replica of this number (0, 1, 2) listens: what the others must find. */
  replica(index: number): SelfAnnouncement;

  /**
   * Starts the source of a replica. For sources that do not announce, this also does what the
   * platform would: puts the record, the pod; and `stop` and `kill` take it away again.
   */
  start(self: SelfAnnouncement): Promise<RunningSource>;

  /** The service dies, or cannot be reached. What it has on disk stays. */
  takeAway(): Promise<void>;
  bringBack(): Promise<void>;

  /** Stops whatever is left. */
  close(): Promise<void>;
}

export interface PeerSourceLimits {
  /** Who has left is no longer proposed: sooner than who was killed. */
  readonly leftMs: number;
  /** Who was killed is no longer proposed: a lease, a TTL. */
  readonly killedMs: number;
}

/** Who has started is known to all, and a service that is away is told: also on a slow machine. */
const TOLD_MS = 60_000;

const ORDERS = [
  [0, 1, 2],
  [2, 0, 1],
  [1, 2, 0],
] as const;

/** Of one test: several processes start in it, and a lease may have to run out. */
const TEST_MAX_MS = 600_000;

/** What every source must do; run on the twin in memory, and on each source with its real service. */
export function peerSourceContract(
  name: string,
  makeBench: () => Promise<PeerSourceBench>,
  limits: PeerSourceLimits,
): void {
  describe(name, () => {
    let bench: PeerSourceBench;

    beforeEach(async () => {
      bench = await makeBench();
    });

    afterEach(async () => {
      await bench.close();
    });

    const start = (indexes: readonly number[]) =>
      Promise.all(indexes.map((index) => bench.start(bench.replica(index))));

    const addresses = (indexes: readonly number[]) =>
      indexes
        .map((index) => bench.replica(index))
        .map(({ host, port }) => `${host}:${port}`)
        .sort();

    /** A source may leave its own replica out, so only the others are asked for. */
    const sees = (source: RunningSource | undefined, indexes: readonly number[]) =>
      source !== undefined &&
      addresses(indexes).every((address) => source.seen.current.includes(address));

    it.each(ORDERS)(
      'finds three replicas that started in the order %i %i %i',
      async (...order) => {
        const sources = new Map<number, RunningSource>();
        for (const index of order) sources.set(index, await bench.start(bench.replica(index)));
        for (const [index, source] of sources) {
          const others = order.filter((other) => other !== index);
          await eventually(
            `replica ${index} has found ${others.join(' and ')}`,
            () => sees(source, others),
            TOLD_MS,
          );
        }
      },
      TEST_MAX_MS,
    );

    it(
      'no longer proposes a replica that has left',
      async () => {
        const [first, second, third] = await start([0, 1, 2]);
        await eventually(
          'all are found',
          () => [first, second].every((source) => sees(source, [2])),
          TOLD_MS,
        );
        await third?.stop();
        for (const left of [first, second])
          await eventually('the one that left is gone', () => !sees(left, [2]), limits.leftMs);
        await eventually('the one that stays is found', () => sees(first, [1]), TOLD_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'no longer proposes a replica that was killed, and finds it again',
      async () => {
        const [first, second] = await start([0, 1]);
        await eventually('the second is found', () => sees(first, [1]), TOLD_MS);
        await second?.kill();
        await eventually('the killed one is gone', () => !sees(first, [1]), limits.killedMs);
        await start([1]);
        await eventually('it is found again', () => sees(first, [1]), TOLD_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'starts while the service is away, says so, and finds the others when it comes',
      async () => {
        await bench.takeAway();
        const [first, second] = await start([0, 1]);
        await eventually('the fault is told', () => (first?.seen.faults.length ?? 0) > 0, TOLD_MS);
        expect(first?.seen.faults[0]?.message).toMatch(/\S+ \S+/);
        await bench.bringBack();
        for (const [source, other] of [
          [first, 1],
          [second, 0],
        ] as const)
          await eventually('they find each other', () => sees(source, [other]), TOLD_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'keeps what it found when the service dies, and goes on when it is back',
      async () => {
        const [first] = await start([0, 1]);
        await eventually('the other is found', () => sees(first, [1]), TOLD_MS);
        const faultsBefore = first?.seen.faults.length ?? 0;
        await bench.takeAway();
        await eventually(
          'the fault is told',
          () => (first?.seen.faults.length ?? 0) > faultsBefore,
          TOLD_MS,
        );
        expect(sees(first, [1])).toBe(true);
        await bench.bringBack();
        await start([2]);
        await eventually('a third one is found', () => sees(first, [1, 2]), TOLD_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'says nothing more once it has stopped, even if it is stopped twice',
      async () => {
        const [first] = await start([0]);
        await first?.stop();
        await first?.stop();
        const said = (first?.seen.answers.length ?? 0) + (first?.seen.faults.length ?? 0);
        const [second] = await start([1]);
        await eventually(
          'another source has answered',
          () => (second?.seen.answers.length ?? 0) > 0,
          TOLD_MS,
        );
        expect((first?.seen.answers.length ?? 0) + (first?.seen.faults.length ?? 0)).toBe(said);
      },
      TEST_MAX_MS,
    );
  });
}
