/**
 * Goal: replicas that tell each other in time give out no more of a bucket together than one would, but for
 * what they have not told yet (`docs/consistency.md`). Method: three engines, told every 50 ms in one process,
 * against the sum of all that was admitted.
 */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../common/time.js';
import type { BucketSpec } from './core/counter.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';

const KEY = { k0: 11, k1: 22 };
const BEGIN = 1_700_000_000_000;
const TELL_MS = 50;
/** 100 tokens, 20 a second. */
const BUCKET: BucketSpec = {
  name: 'lim_1/1',
  algorithm: 'token_bucket',
  maximum: 100,
  refillAmount: 20,
  refillMs: 1_000,
};

/** What a second brings back: so much may be made up for that was lost before anybody took. */
const LOST = 20;

/** Replicas of one region that have met, and what each has admitted. */
class Replicas {
  private nowMs = BEGIN;
  private readonly replicas;
  admitted = 0;

  constructor(silenceMs?: number) {
    this.replicas = ['a', 'b', 'c'].map((replicaId) => {
      const source = { replicaId, bootId: '1', region: 'here' };
      const engine = new ReplicatedCounterEngine({ liveMax: 100, silenceMs }, KEY, source);
      return { engine, source, told: 0, toldAt: BEGIN, untold: 0 };
    });
  }

  get elapsedMs(): number {
    return this.nowMs - BEGIN;
  }

  /** Whether the call was admitted. */
  take(index: number, amount: number): boolean {
    const replica = this.of(index);
    const demand = { counter: BUCKET, amount, enforced: true };
    const { kind } = replica.engine.take([demand], wallMs(this.nowMs));
    if (kind === 'refused') return false;
    this.admitted += amount;
    replica.untold += amount;
    return true;
  }

  counted(index: number): number {
    const demand = { counter: BUCKET, amount: 0, enforced: true };
    return this.of(index).engine.read([demand], wallMs(this.nowMs))[0]?.counted ?? 0;
  }

  /** What others have admitted and not told. */
  untoldTo(index: number): number {
    const others = this.replicas.filter((_, i) => i !== index);
    return others.reduce((sum, { untold }) => sum + untold, 0);
  }

  pass(ms: number): void {
    this.nowMs += ms;
  }

  /** Each tells the others what it has taken since. */
  tell(index: number): void {
    const from = this.of(index);
    const { entries, to } = from.engine.store.collect('own', from.told, 1_000_000);
    const arrival = {
      source: from.source,
      isState: false,
      gapMs: this.nowMs - from.toldAt,
    };
    for (const { engine, source } of this.replicas)
      if (source !== from.source) engine.store.merge(entries, arrival, wallMs(this.nowMs));
    Object.assign(from, { told: to, toldAt: this.nowMs, untold: 0 });
  }

  private of(index: number) {
    const replica = this.replicas[index];
    if (replica === undefined) throw new Error(`there is no replica ${index}`);
    return replica;
  }
}

describe('a token bucket that replicas share', () => {
  it('is drained where nobody takes, by all that is taken elsewhere', () => {
    const replicas = new Replicas();
    for (let step = 0; step < 60_000 / TELL_MS; step++) {
      // Two replicas, each all that comes back: together twice as much.
      for (const index of [0, 1]) replicas.take(index, 1);
      replicas.pass(TELL_MS);
      for (const index of [0, 1]) replicas.tell(index);
    }
    expect(replicas.counted(2)).toBeGreaterThanOrEqual(98);
  });

  it('is drained as well where messages are seconds apart', () => {
    const tellMs = 2_000;
    const replicas = new Replicas(2 * tellMs);
    for (let step = 0; step < 60_000 / tellMs; step++) {
      for (let passed = 0; passed < tellMs; passed += TELL_MS) {
        for (const index of [0, 1]) replicas.take(index, 1);
        replicas.pass(TELL_MS);
      }
      for (const index of [0, 1]) replicas.tell(index);
    }
    expect(replicas.counted(2)).toBeGreaterThanOrEqual(98);
  });

  it('is spared a second of what came back, however long it was full', () => {
    const replicas = new Replicas();
    const tellFor = (ms: number, before: () => void): void => {
      for (let passed = 0; passed < ms; passed += TELL_MS) {
        before();
        replicas.pass(TELL_MS);
        for (const index of [0, 1, 2]) replicas.tell(index);
      }
    };
    for (const index of [0, 1, 2]) replicas.take(index, 1);
    tellFor(60_000, () => undefined);
    replicas.take(0, 89);
    replicas.take(2, 10);
    // As fast as it comes back: 99 are missing all the time.
    tellFor(5_000, () => replicas.take(0, 1));
    expect(replicas.counted(2)).toBe(99 - LOST);
  });

  it('gives out no more than one would, but for what was not told', () => {
    const call = fc.record({
      index: fc.nat(2),
      amount: fc.integer({ min: 1, max: 12 }),
      pauseMs: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(call, { minLength: 200, maxLength: 600 }), (calls) => {
        const replicas = new Replicas();
        let tellAt = TELL_MS;
        for (const { index, amount, pauseMs } of calls) {
          replicas.pass(pauseMs);
          for (; tellAt <= replicas.elapsedMs; tellAt += TELL_MS)
            for (const each of [0, 1, 2]) replicas.tell(each);
          if (!replicas.take(index, amount)) continue;
          const refill = (replicas.elapsedMs * 20) / 1_000;
          const bound = 100 + refill + replicas.untoldTo(index) + LOST;
          expect(replicas.admitted).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 50, seed: 7, endOnFailure: true },
    );
  });
});
