/**
 * Goal: a burst is not given out twice, in another region either, after however long a calm; and after a partition
 * nobody pays for what would have come back meanwhile.
 */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import type { BucketSpec } from '../../../src/counters/core/counter.js';
import { knowledgeOf } from './entries-of.js';
import { type Replica, SimulatedReplicas } from './simulated-replicas.js';

const BUCKET: BucketSpec = {
  name: 'lim_1/1',
  algorithm: 'token_bucket',
  maximum: 500,
  refillAmount: 20,
  refillMs: 1_000,
};
/** What may be spared: a second of refill. */
const SPARED = 20;
const JOINED_MS = 7_000;
/** Each way of a region and back, and more than an interval between regions. */
const HEARD_MS = 2_000;

class Buckets {
  readonly cluster = new SimulatedReplicas(new SeededRandom(5), { liveMax: 100 });
  readonly replicas: readonly Replica[];

  constructor(regions: readonly string[]) {
    this.replicas = regions.map((region) => this.cluster.add(region));
    this.cluster.run(JOINED_MS);
  }

  pair(): readonly [Replica, Replica] {
    const [one, other] = this.replicas;
    if (one === undefined || other === undefined) throw new Error('there are two');
    return [one, other];
  }

  take(replica: Replica, amount: number): string {
    return this.cluster.take(replica, BUCKET, amount);
  }

  /** From the bucket of each. */
  missing(): readonly number[] {
    return this.replicas.map((replica) => this.cluster.counted(replica, BUCKET));
  }
}

describe('a bucket that was full for long', () => {
  it('is emptied for all by who takes the burst, over regions too', () => {
    const buckets = new Buckets(['eu', 'eu', 'us', 'us']);
    for (const taker of buckets.replicas) {
      expect(buckets.take(taker, BUCKET.maximum)).toBe('taken');
      buckets.cluster.run(HEARD_MS);
      const missing = buckets.missing();
      expect(Math.min(...missing)).toBeGreaterThanOrEqual(Math.max(...missing) - SPARED);
      expect(Math.max(...missing)).toBeGreaterThan(400);
      buckets.cluster.run(60_000);
      expect(buckets.missing()).toEqual([0, 0, 0, 0]);
    }
  });

  it.each(['last', 'are opened again'])(
    'is not drained of what has come back during a partition, if streams %s',
    (how) => {
      const buckets = new Buckets(['eu', 'eu']);
      const { cluster, replicas } = buckets;
      const tellOfAll = (isAlive: boolean): void => {
        for (const one of replicas)
          for (const other of replicas)
            if (how !== 'last' && one !== other) cluster.tellMember(one, other, isAlive);
      };
      for (const replica of replicas) buckets.take(replica, 1);
      cluster.run(HEARD_MS);
      cluster.cuts = () => true;
      tellOfAll(false);
      const [taker, idle] = buckets.pair();
      for (let n = 0; n < 600; n++) {
        expect(buckets.take(taker, 1)).toBe('taken');
        cluster.run(50);
      }
      cluster.cuts = () => false;
      tellOfAll(true);
      cluster.run(HEARD_MS);
      expect([...knowledgeOf(idle, [taker.source]).values()].map(({ taken }) => taken)).toEqual([
        1, 601,
      ]);
      expect(buckets.missing()).toEqual([0, 0]);
    },
  );

  it('is not drained of it either where another region was silent, and only the relay noticed', () => {
    const buckets = new Buckets(['eu', 'eu', 'us', 'us']);
    const { cluster, replicas } = buckets;
    for (const replica of replicas) buckets.take(replica, 1);
    cluster.run(HEARD_MS);
    cluster.cuts = (from, to) => from.source.region !== to.source.region;
    const taker = replicas.at(-1) ?? buckets.pair()[0];
    for (let n = 0; n < 600; n++) {
      expect(buckets.take(taker, 1)).toBe('taken');
      cluster.run(50);
    }
    cluster.cuts = () => false;
    // Until the relays have tried again, at the latest.
    cluster.run(15_000);
    for (const replica of replicas)
      expect([...knowledgeOf(replica, [taker.source]).values()].at(-1)?.taken).toBe(601);
    expect(buckets.missing()).toEqual([0, 0, 0, 0]);
  });
});
