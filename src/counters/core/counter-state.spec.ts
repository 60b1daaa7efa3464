import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { scaleOf } from '../../common/bucket-scale.js';
import type { BucketSpec } from './counter.js';
import {
  type CounterState,
  countsOf,
  forgetBefore,
  growthOf,
  mergeStates,
} from './counter-state.js';
import type { Entry } from './tally.js';
import { drained } from './token-bucket.js';

const tally = fc
  .dictionary(
    fc.constantFrom('r1/1', 'r1/2', 'r2/1'),
    fc.record({ taken: fc.nat(50), returned: fc.nat(50) }),
  )
  .map((entries) => new Map(Object.entries(entries)));
const state: fc.Arbitrary<CounterState> = fc
  .array(fc.tuple(fc.constantFrom(0, 60, 120), tally), { maxLength: 4 })
  .map((windows) => new Map(windows));

function expectSame(a: CounterState, b: CounterState): void {
  const sorted = (one: CounterState) =>
    [...one]
      .sort(([x], [y]) => x - y)
      .map(([start, entries]) => [start, [...entries].sort(([x], [y]) => (x < y ? -1 : 1))]);
  expect(sorted(a)).toEqual(sorted(b));
}

describe('counter states', () => {
  it('merge in any order and grouping, and twice as once', () => {
    fc.assert(
      fc.property(state, state, state, (a, b, c) => {
        expectSame(mergeStates(a, b), mergeStates(b, a));
        expectSame(mergeStates(a, mergeStates(b, c)), mergeStates(mergeStates(a, b), c));
        expectSame(mergeStates(mergeStates(a, b), b), mergeStates(a, b));
      }),
    );
  });

  it('never fall when they merge', () => {
    fc.assert(
      fc.property(state, state, (a, b) => {
        const { taken, returned } = growthOf(a, mergeStates(a, b));
        expect(Math.min(taken, returned)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('may forget what is over before or after they merge', () => {
    fc.assert(
      fc.property(state, state, fc.constantFrom(0, 60, 120, 180), (a, b, start) => {
        const whole = forgetBefore(mergeStates(a, b), start);
        expectSame(mergeStates(forgetBefore(a, start), forgetBefore(b, start)), whole);
        expectSame(forgetBefore(mergeStates(forgetBefore(a, start), b), start), whole);
      }),
    );
  });

  it('say what the window of now and the one before have counted', () => {
    const counted: CounterState = new Map([
      [0, new Map([['r1/1', { taken: 5, returned: 1 }]])],
      [60, new Map([['r1/1', { taken: 7, returned: 9 }]])],
    ]);
    expect(countsOf(counted, 60, 60)).toEqual({ previous: 4, current: 0 });
    expect(countsOf(counted, 120, 60)).toEqual({ previous: 0, current: 0 });
  });
});

describe('what a bucket learns from its peers', () => {
  const bucket: BucketSpec = {
    name: 'bucket',
    algorithm: 'token_bucket',
    maximum: 1_000,
    refillAmount: 1,
    refillMs: 1_000,
  };
  const spend = fc.record({ replica: fc.nat(2), amount: fc.integer({ min: 1, max: 9 }) });

  it('is every spend once, however the news come: late, twice, out of order or not at all but the last', () => {
    fc.assert(
      fc.property(fc.array(spend), fc.infiniteStream(fc.nat(99)), (spends, lots) => {
        const totals = new Map<string, Entry>();
        const news: CounterState[] = [];
        for (const { replica, amount } of spends) {
          const name = `r${replica}`;
          const taken = (totals.get(name)?.taken ?? 0) + amount;
          totals.set(name, { taken, returned: 0 });
          news.push(new Map([[0, new Map([[name, { taken, returned: 0 }]])]]));
        }
        const lossy = [...news, ...news].filter(() => lots.next().value > 30);
        const arrivals = [...lossy, new Map([[0, totals]])].sort(() => lots.next().value - 50);
        const scale = scaleOf(bucket);
        let known: CounterState = new Map();
        let deficit = 0;
        for (const arrival of arrivals) {
          const merged = mergeStates(known, arrival);
          deficit = drained(deficit, growthOf(known, merged).taken, scale);
          known = merged;
        }
        const spent = spends.reduce((sum, { amount }) => sum + amount, 0);
        expect(deficit).toBe(drained(0, spent, scale));
      }),
    );
  });
});
