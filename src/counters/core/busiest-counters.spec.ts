import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { BusiestCounters, SpaceSaving } from './busiest-counters.js';

describe('SpaceSaving', () => {
  it('counts exactly while there is room', () => {
    const sketch = new SpaceSaving(10);
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) sketch.offer(name, 1);
    expect(sketch.all()).toHaveLength(3);
    expect(sketch.all()).toContainEqual(
      expect.objectContaining({ name: 'a', asked: 3, errorMax: 0 }),
    );
  });

  it('never counts too little, too much only by its error, and keeps what is frequent', () => {
    const stream = fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 5 })), {
      maxLength: 300,
    });
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 12 }), (offers, capacity) => {
        const sketch = new SpaceSaving(capacity);
        const exact = new Map<string, number>();
        let total = 0;
        for (const [name, times] of offers) {
          sketch.offer(`${name}`, times);
          exact.set(`${name}`, (exact.get(`${name}`) ?? 0) + times);
          total += times;
        }
        const kept = new Map(sketch.all().map((counter) => [counter.name, counter]));
        expect(kept.size).toBe(Math.min(capacity, exact.size));
        for (const [name, { asked, errorMax }] of kept) {
          expect(asked).toBeGreaterThanOrEqual(exact.get(name) ?? 0);
          expect(asked - errorMax).toBeLessThanOrEqual(exact.get(name) ?? 0);
        }
        for (const [name, asked] of exact)
          if (asked > total / capacity) expect(kept.has(name)).toBe(true);
      }),
    );
  });
});

describe('BusiestCounters', () => {
  it('names the busiest of this minute and the last, and forgets those before', () => {
    const busiest = new BusiestCounters(10);
    busiest.offer('old', 9, 0);
    busiest.offer('steady', 2, 60_000);
    busiest.offer('steady', 2, 120_000);
    busiest.offer('new', 3, 120_001);
    expect(busiest.top(10, 120_002)).toEqual([
      { name: 'steady', asked: 4, errorMax: 0 },
      { name: 'new', asked: 3, errorMax: 0 },
    ]);
    expect(busiest.top(1, 120_002)).toHaveLength(1);
    expect(busiest.top(10, 300_000)).toEqual([]);
  });
});
