import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../../src/common/time.js';
import type { BucketSpec, CounterSpec } from '../../src/counters/core/counter.js';
import type { CounterEngine, CounterLimits } from '../../src/counters/counter-engine.js';
import { demand, readOne, spec, T, takeOne } from './counter-engine-scene.js';

type Make = (limits: CounterLimits) => CounterEngine;

const lasting = (durationMs: number) => ({ kind: 'duration', durationMs, anchorMs: 0 }) as const;
const hourly = spec({ name: 'hourly', window: lasting(3_600_000) });
const sliding = spec({
  name: 'sliding',
  algorithm: 'sliding_window',
  window: lasting(3_600_000),
});
const slowBucket: BucketSpec = {
  name: 'slow',
  algorithm: 'token_bucket',
  maximum: 100,
  refillAmount: 100,
  refillMs: 3_600_000,
};

/** `make` gives engines that can read each other's checkpoints. */
export function checkpointContract(make: Make): void {
  const engine = () => make({ liveMax: 10_000 });

  it('restores what was counted in long windows', () => {
    const before = engine();
    takeOne(before, sliding, 30, T - 60_000);
    takeOne(before, sliding, 20);
    const { entries } = takeOne(before, hourly, 40).receipt;
    before.correct(
      entries.map((entry) => ({ entry, actual: 25 })),
      T,
    );
    takeOne(before, slowBucket, 60);
    const after = engine();
    expect(after.restore(before.checkpoint(100), T)).toEqual({ restored: 3 });
    for (const counter of [sliding, hourly, slowBucket] as CounterSpec[])
      expect(readOne(after, counter, 30, T + 600_000)).toEqual(
        readOne(before, counter, 30, T + 600_000),
      );
  });

  it('goes on counting where the earlier process stopped', () => {
    const before = engine();
    takeOne(before, hourly, 99);
    const after = engine();
    after.restore(before.checkpoint(100), T);
    expect(takeOne(after, hourly, 1, T + 1).kind).toBe('taken');
    expect(takeOne(after, hourly, 1, T + 2).kind).toBe('refused');
    expect(takeOne(after, hourly, 100, T + 3_600_000).kind).toBe('taken');
  });

  it('leaves out windows of a minute or less, calls under way, and what was over in the meantime', () => {
    const before = engine();
    takeOne(before, spec(), 1);
    takeOne(before, { name: 'places', algorithm: 'concurrency', maximum: 2, holdMs: 99_000 }, 1);
    expect(before.checkpoint(100).rows).toEqual([]);
    takeOne(before, hourly, 1);
    expect(engine().restore(before.checkpoint(100), wallMs(T + 3_600_000))).toEqual({
      restored: 0,
    });
  });

  it('names each counter that changed once, and no more of them at a time than asked', () => {
    const counters = engine();
    for (let i = 0; i < 25; i++) takeOne(counters, { ...hourly, name: `hourly-${i % 5}` }, 1);
    expect(counters.checkpoint(3).rows).toHaveLength(3);
    expect(counters.checkpoint(3).rows).toHaveLength(2);
    expect(counters.checkpoint(3).rows).toHaveLength(0);
    takeOne(counters, { ...hourly, name: 'hourly-2' }, 1);
    expect(counters.checkpoint(3).rows).toMatchObject([{ current: { taken: 6, returned: 0 } }]);
  });

  it('restores members of a group into their group', () => {
    const group = { name: 'per-model', countersMax: 2 };
    const model = (i: number) => ({ ...hourly, name: `per-model/${i}`, group });
    const before = engine();
    takeOne(before, model(0), 1);
    takeOne(before, model(1), 1);
    const after = engine();
    after.restore(before.checkpoint(100), T);
    takeOne(after, model(2), 1);
    expect(after.stats()).toMatchObject({
      live: 3,
      overflowed: new Map([['per-model', 1]]),
    });
  });

  it('passes over rows for which there is no room, and rows that nobody wrote', () => {
    const before = engine();
    for (let i = 0; i < 10; i++) takeOne(before, { ...hourly, name: `hourly-${i}` }, 1);
    const checkpoint = before.checkpoint(100);
    expect(make({ liveMax: 4 }).restore(checkpoint, T)).toEqual({ restored: 4 });
    const [row] = checkpoint.rows;
    if (row === undefined) throw new Error('was to be written');
    const unsound = [
      { ...row, fingerprint: 'zz' },
      { ...row, windowStart: Number.NaN },
      { ...row, current: { taken: -1, returned: 0 } },
      { ...row, previous: { taken: 0, returned: 0.5 } },
      { ...row, level: { deficitUnits: 0, unitsPerToken: 0, at: 0 } },
    ];
    expect(engine().restore({ ...checkpoint, rows: unsound }, T)).toEqual({ restored: 0 });
    expect(engine().restore({ ...checkpoint, keyCheck: 'other' }, T)).toEqual({ restored: 0 });
  });

  it('waits for a clock that was stepped back since, and for the level of a bucket', () => {
    const before = engine();
    takeOne(before, hourly, 40, T);
    takeOne(before, slowBucket, 60, T + 60_000);
    const after = engine();
    expect(after.restore(before.checkpoint(100), wallMs(T - 120_000))).toEqual({ restored: 2 });
    expect(readOne(after, hourly, 1, T - 120_000).counted).toBe(40);
    expect(readOne(after, slowBucket, 1, T - 120_000).counted).toBe(60);
    expect(readOne(after, slowBucket, 1, T + 60_000 + 36_000).counted).toBe(59);
  });

  it('names every counter again when it is asked to, but those that end within a minute', () => {
    const counters = engine();
    takeOne(counters, hourly, 1);
    takeOne(counters, slowBucket, 1);
    takeOne(counters, spec(), 1);
    expect(counters.checkpoint(100).rows).toHaveLength(2);
    expect(counters.checkpoint(100).rows).toHaveLength(0);
    counters.checkpointAnew(T);
    const kinds = counters.checkpoint(100).rows.map(({ kind }) => kind);
    expect(kinds).toEqual(['window', 'token_bucket']);
  });

  it('comes to the same in any order, and when rows come twice or late', () => {
    const step = fc.record({
      which: fc.nat(2),
      amount: fc.nat(20),
      ms: fc.nat(3_000_000),
      isWritten: fc.boolean(),
    });
    const counter = (which: number): CounterSpec => [hourly, sliding, slowBucket][which] ?? hourly;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20 }),
        fc.infiniteStream(fc.nat(99)),
        (steps, lots) => {
          const before = engine();
          const written = [];
          let now: number = T;
          for (const { which, amount, ms, isWritten } of steps) {
            now += ms;
            before.add([demand(counter(which), amount)], wallMs(now));
            if (isWritten) written.push(before.checkpoint(100));
          }
          const last = before.checkpoint(100);
          const whole = engine();
          for (const checkpoint of [...written, last]) whole.restore(checkpoint, wallMs(now));
          const mixed = engine();
          const { keyCheck } = last;
          const rows = [...written, last].flatMap((checkpoint) => checkpoint.rows);
          const windows = rows.filter(({ kind }) => kind === 'window');
          const shuffled = [...windows, ...windows].sort(() => lots.next().value - 50);
          mixed.restore({ keyCheck, rows: shuffled }, wallMs(now));
          for (const which of [0, 1]) {
            const expected = readOne(before, counter(which), 1, now);
            expect(readOne(whole, counter(which), 1, now)).toEqual(expected);
            expect(readOne(mixed, counter(which), 1, now)).toEqual(expected);
          }
        },
      ),
      { numRuns: 100 },
    );
  });
}

export function busiestContract(engine: () => CounterEngine): void {
  it('are the counters that were asked most', () => {
    const counters = engine();
    for (let i = 0; i < 20_000; i++) {
      const name = i % 2 === 0 ? 'hot' : i % 4 === 1 ? 'warm' : `cold-${i}`;
      counters.take([demand(spec({ name, maximum: 10 }))], wallMs(T + (i % 1_000)));
    }
    expect(counters.busiest(2).map(({ name }) => name)).toEqual(['hot', 'warm']);
    expect(Math.abs((counters.busiest(1)[0]?.asked ?? 0) - 10_000)).toBeLessThan(2_000);
  });
}
