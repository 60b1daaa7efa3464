/**
 * Goal: a replica whose settings differ keeps nobody else from counting together, and counts along as soon as it is
 * mended. Method: the one that would relay for its region has the wrong setting, until it starts again.
 */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import type { CounterSpec } from '../../../src/counters/core/counter.js';
import { type Replica, RIGHT, SETTING, SimulatedReplicas, WRONG } from './simulated-replicas.js';

const COUNTER: CounterSpec = {
  name: 'lim_1/1',
  algorithm: 'fixed_window',
  window: { kind: 'duration', durationMs: 3_600_000, anchorMs: 0 },
  maximum: 1_000,
};
const JOINED_MS = 7_000;

class Cluster {
  readonly cluster = new SimulatedReplicas(new SeededRandom(5), { liveMax: 100 });
  readonly wrong = this.cluster.add('eu', WRONG);
  readonly near = this.cluster.add('eu');
  readonly far = this.cluster.add('us');

  constructor() {
    this.cluster.run(JOINED_MS);
  }

  take(replica: Replica, amount: number): void {
    this.cluster.take(replica, COUNTER, amount);
  }

  /** What each has counted, a while later. */
  counted(): readonly number[] {
    this.cluster.run(2_000);
    return this.cluster.replicas.map((replica) => this.cluster.counted(replica, COUNTER));
  }
}

describe('a replica whose settings differ', () => {
  it('is refused by name, and others count on, over regions too', () => {
    const { wrong, near, far, ...all } = new Cluster();
    const refused = { state: 'refused', detail: `settings: ${SETTING}` };
    expect(near.links.get(wrong.id)).toMatchObject(refused);
    expect(wrong.links.get(near.id)).toMatchObject(refused);
    expect(far.links.get(wrong.id)).toMatchObject(refused);
    expect([near.machine.isRelay, far.machine.isRelay]).toEqual([true, true]);
    expect(all.cluster.live.every(({ isJoined }) => isJoined)).toBe(true);
  });

  it('counts by itself what it is asked meanwhile', () => {
    const cluster = new Cluster();
    cluster.take(cluster.wrong, 1);
    cluster.take(cluster.near, 20);
    cluster.take(cluster.far, 300);
    expect(cluster.counted()).toEqual([1, 320, 320]);
  });

  it('is told at once when it is mended, though nobody has missed it', () => {
    const cluster = new Cluster();
    const { wrong, near, far } = cluster;
    cluster.take(wrong, 1);
    wrong.setting = RIGHT;
    cluster.cluster.crash(wrong);
    cluster.cluster.restart(wrong);
    cluster.cluster.run(JOINED_MS);
    for (const [from, to] of [
      [near, wrong],
      [wrong, near],
      [far, wrong],
    ] as const)
      expect(from.links.get(to.id)).toMatchObject({ state: 'open' });
    cluster.take(near, 20);
    cluster.take(far, 300);
    cluster.take(wrong, 4);
    expect(cluster.counted()).toEqual([324, 324, 324]);
  });
});
