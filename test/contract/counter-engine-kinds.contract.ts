import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../../src/common/time.js';
import type { BucketSpec, ConcurrencySpec, ReceiptEntry } from '../../src/counters/core/counter.js';
import type { CounterEngine } from '../../src/counters/counter-engine.js';
import { ExactBucket } from './counter-engine-reference.js';
import { at, demand, only, readOne, spec, T, takeOne } from './counter-engine-scene.js';

const bucket = (over: Partial<BucketSpec> = {}): BucketSpec => ({
  name: 'bucket',
  algorithm: 'token_bucket',
  maximum: 20,
  refillAmount: 10,
  refillMs: 1_000,
  ...over,
});

const places = (over: Partial<ConcurrencySpec> = {}): ConcurrencySpec => ({
  name: 'places',
  algorithm: 'concurrency',
  maximum: 2,
  holdMs: 30_000,
  ...over,
});

export function bucketContract(engine: () => CounterEngine): void {
  it('admits the burst, then the rate (example 12)', () => {
    const counters = engine();
    expect(takeOne(counters, bucket(), 20)).toMatchObject({ kind: 'taken', remaining: 0 });
    expect(takeOne(counters, bucket(), 5, T + 500)).toMatchObject({ kind: 'taken', remaining: 0 });
    expect(takeOne(counters, bucket(), 5, T + 500)).toMatchObject({
      kind: 'refused',
      admits: false,
      counted: 20,
      retryAfterMs: 500,
    });
    expect(takeOne(counters, bucket(), 5, T + 999).kind).toBe('refused');
    expect(takeOne(counters, bucket(), 5, T + 1_000).kind).toBe('taken');
  });

  it('says until when it refills, and that it never admits more than its burst', () => {
    const counters = engine();
    takeOne(counters, bucket(), 10);
    expect(readOne(counters, bucket(), 21)).toMatchObject({
      window: { start: T, end: T + 1_000 },
      remaining: 10,
      admits: false,
      retryAfterMs: undefined,
    });
  });

  it('goes into debt for what has happened, and out of it in time', () => {
    const counters = engine();
    counters.add([demand(bucket(), 35)], T);
    expect(readOne(counters, bucket(), 1)).toMatchObject({
      counted: 35,
      remaining: 0,
      retryAfterMs: 1_600,
    });
    expect(takeOne(counters, bucket(), 1, T + 1_599).kind).toBe('refused');
    expect(takeOne(counters, bucket(), 1, T + 1_600).kind).toBe('taken');
  });

  it('keeps its fill when burst or rate change', () => {
    const counters = engine();
    takeOne(counters, bucket({ maximum: 100 }), 40);
    expect(readOne(counters, bucket({ maximum: 10 }), 1)).toMatchObject({ remaining: 0 });
    expect(readOne(counters, bucket({ maximum: 50 }), 1)).toMatchObject({ remaining: 10 });
    const faster = bucket({ maximum: 100, refillAmount: 7, refillMs: 300 });
    expect(readOne(counters, faster, 1)).toMatchObject({ counted: 40, remaining: 60 });
    takeOne(counters, faster, 1);
    expect(readOne(counters, bucket({ maximum: 100 }), 1)).toMatchObject({ counted: 41 });
  });

  it('corrects what was taken, and never lifts what is left above the burst', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, bucket(), 10);
    const [entry] = receipt.entries;
    if (entry === undefined) throw new Error('was to be counted');
    counters.correct([{ entry, actual: 13 }], T);
    expect(readOne(counters, bucket(), 0)).toMatchObject({ counted: 13 });
    counters.giveBack({ entries: [{ ...entry, amount: 13 }] }, wallMs(T + 1_000));
    expect(readOne(counters, bucket(), 0, T + 1_000)).toMatchObject({ counted: 0, remaining: 20 });
  });

  it('drops the correction of an epoch that is gone', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, bucket(), 10);
    takeOne(counters, bucket(), 10, at('10:02:00'));
    counters.giveBack(receipt, at('10:02:00'));
    expect(readOne(counters, bucket(), 0, at('10:02:00'))).toMatchObject({ counted: 10 });
    expect(counters.stats().droppedCorrections).toBe(1);
  });

  it('forgets a bucket that is full and whose epochs are over', () => {
    const counters = engine();
    takeOne(counters, bucket(), 20);
    for (let i = 0; i < 5; i++) counters.sweep(10, at('10:01:59'));
    expect(counters.stats().live).toBe(1);
    for (let i = 0; i < 5; i++) counters.sweep(10, at('10:02:00'));
    expect(counters.stats().live).toBe(0);
  });

  const shape = fc.record({
    maximum: fc.nat(40),
    refillAmount: fc.integer({ min: 1, max: 30 }),
    refillMs: fc.integer({ min: 1, max: 30 }),
  });
  const step = fc.record({
    kind: fc.constantFrom('take', 'take', 'add', 'give_back', 'correct'),
    amount: fc.oneof(fc.nat(3), fc.nat(50)),
    maximum: fc.nat(40),
    ms: fc.oneof(fc.nat(5), fc.integer({ min: -40, max: 40 })),
  });

  it('is an exact bucket under takes, refunds, corrections, clock steps and changes', () => {
    fc.assert(
      fc.property(shape, fc.array(step, { maxLength: 40 }), (over, steps) => {
        const counters = engine();
        const exact = new ExactBucket(bucket(over));
        const entries: ReceiptEntry[] = [];
        let [now, latest] = [1_000, 0];
        for (const { kind, amount, maximum, ms } of steps) {
          now += ms;
          latest = Math.max(latest, now);
          const changed = bucket({ ...over, maximum });
          const reading = readOne(counters, changed, amount, now);
          expect(reading.counted).toBe(exact.counted(latest));
          expect(reading.admits).toBe(exact.admits(amount, maximum, latest));
          expectRetry(reading.retryAfterMs, (wait) => exact.admits(amount, maximum, latest + wait));
          if (kind === 'take') {
            const { receipt } = takeOne(counters, changed, amount, now);
            if (reading.admits) exact.record(amount, latest);
            entries.push(...receipt.entries);
          } else if (kind === 'add') {
            counters.add([demand(changed, amount)], wallMs(now));
            exact.record(amount, latest);
          } else {
            const entry = entries.pop();
            if (entry === undefined) continue;
            const actual = kind === 'correct' ? amount : 0;
            counters.correct([{ entry, actual }], wallMs(now));
            exact.record(actual - entry.amount, latest);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
}

function expectRetry(retryAfterMs: number | undefined, fitsAfter: (ms: number) => boolean): void {
  if (retryAfterMs === undefined || retryAfterMs === 0) return;
  expect(fitsAfter(retryAfterMs)).toBe(true);
  expect(fitsAfter(retryAfterMs - 1)).toBe(false);
}

export function concurrencyContract(engine: () => CounterEngine): void {
  it('admits as many as may be under way, and one more when a hold ends (example 13)', () => {
    const counters = engine();
    expect(takeOne(counters, places(), 1)).toMatchObject({ kind: 'taken', remaining: 1 });
    takeOne(counters, places(), 1, T + 10_000);
    expect(takeOne(counters, places(), 1, T + 20_000)).toMatchObject({
      kind: 'refused',
      counted: 2,
      remaining: 0,
      retryAfterMs: 10_000,
      window: { start: T + 20_000, end: T + 30_000 },
    });
    expect(takeOne(counters, places(), 1, T + 29_999).kind).toBe('refused');
    expect(takeOne(counters, places(), 1, T + 30_000).kind).toBe('taken');
    expect(takeOne(counters, places(), 1, T + 30_000).kind).toBe('refused');
  });

  it('has room again as soon as a hold is released, once', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, places(), 1);
    takeOne(counters, places(), 1);
    counters.giveBack(receipt, T);
    counters.giveBack(receipt, T);
    expect(readOne(counters, places(), 1)).toMatchObject({ counted: 1, admits: true });
    expect(counters.stats()).toMatchObject({ holds: 1, droppedCorrections: 1 });
  });

  it('passes over the release of a hold that has ended', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, places(), 1);
    takeOne(counters, places(), 1, T + 30_000);
    counters.giveBack(receipt, wallMs(T + 30_000));
    expect(readOne(counters, places(), 1, T + 30_000)).toMatchObject({ counted: 1 });
  });

  it('lets a call say how long its hold lasts, and ask for more time', () => {
    const counters = engine();
    const outcome = counters.take([{ ...demand(places()), holdMs: 5_000 }], T);
    if (outcome.kind !== 'taken') throw new Error('was to be taken');
    const { entries } = outcome.receipt;
    expect(counters.renew(entries, 5_000, wallMs(T + 4_000))).toBe(true);
    expect(readOne(counters, places(), 0, T + 8_999).counted).toBe(1);
    expect(readOne(counters, places(), 0, T + 9_000).counted).toBe(0);
    expect(counters.renew(entries, 5_000, wallMs(T + 9_000))).toBe(false);
    expect(counters.renew([], 5_000, wallMs(T + 9_000))).toBe(true);
  });

  it('ends no hold earlier when it is asked for less time', () => {
    const counters = engine();
    const { entries } = takeOne(counters, places(), 1).receipt;
    expect(counters.renew(entries, 5_000, T)).toBe(true);
    expect(readOne(counters, places(), 0, T + 29_999).counted).toBe(1);
    expect(readOne(counters, places(), 0, T + 30_000).counted).toBe(0);
  });

  it('keeps what is held when the maximum is lowered, and says so of a demand too large', () => {
    const counters = engine();
    takeOne(counters, places(), 2);
    expect(readOne(counters, places({ maximum: 1 }), 1)).toMatchObject({
      counted: 2,
      remaining: 0,
    });
    expect(readOne(counters, places(), 3)).toMatchObject({
      admits: false,
      retryAfterMs: undefined,
    });
  });

  it('counts nowhere if another limit refuses', () => {
    const counters = engine();
    const closed = spec({ name: 'closed', maximum: 0 });
    expect(counters.take([demand(places()), demand(closed)], T).kind).toBe('refused');
    expect(counters.stats()).toMatchObject({ live: 0, holds: 0 });
  });

  it('forgets counters without holds, also those whose holds nobody released', () => {
    const counters = engine();
    for (let i = 0; i < 100; i++) takeOne(counters, places({ name: `places-${i}` }), 1, T + i);
    expect(counters.stats()).toMatchObject({ live: 100, holds: 100 });
    for (let i = 0; i < 5; i++) counters.sweep(100, wallMs(T + 31_000));
    expect(counters.stats()).toMatchObject({ live: 0, holds: 0 });
  });

  const step = fc.record({
    kind: fc.constantFrom('take', 'take', 'add', 'release', 'renew'),
    amount: fc.integer({ min: 1, max: 3 }),
    holdMs: fc.integer({ min: 1, max: 40 }),
    which: fc.nat(10),
    ms: fc.oneof(fc.nat(5), fc.integer({ min: -40, max: 40 })),
  });

  it('is a list of holds under takes, releases, renewals and clock steps', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const counters = engine();
        let held: { entry: ReceiptEntry; endsAt: number }[] = [];
        let [now, latest] = [1_000, 0];
        for (const { kind, amount, holdMs, which, ms } of steps) {
          now += ms;
          latest = Math.max(latest, now);
          held = held.filter(({ endsAt }) => endsAt > latest);
          const counted = held.reduce((sum, { entry }) => sum + entry.amount, 0);
          const earliest = Math.min(...held.map(({ endsAt }) => endsAt));
          const admits = counted + amount <= 4;
          expect(readOne(counters, places({ maximum: 4 }), amount, now)).toMatchObject({
            counted,
            admits,
            retryAfterMs: admits ? undefined : earliest - latest,
          });
          const picked = held[which];
          if (kind === 'take' || kind === 'add') {
            const one = { ...demand(places({ maximum: 4 }), amount, kind === 'take'), holdMs };
            const outcome = counters.take([one], wallMs(now));
            expect(outcome.kind).toBe(admits || kind === 'add' ? 'taken' : 'refused');
            if (outcome.kind === 'taken')
              held.push(
                ...outcome.receipt.entries.map((entry) => ({ entry, endsAt: latest + holdMs })),
              );
          } else if (picked === undefined) continue;
          else if (kind === 'renew') {
            expect(counters.renew([picked.entry], holdMs, wallMs(now))).toBe(true);
            picked.endsAt = Math.max(picked.endsAt, latest + holdMs);
          } else {
            counters.giveBack({ entries: [picked.entry] }, wallMs(now));
            held = held.filter((hold) => hold !== picked);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
}

export function correctionContract(engine: () => CounterEngine): void {
  const tokens = spec({ name: 'tokens' });

  function taken(counters: CounterEngine, amount: number, now: number): ReceiptEntry {
    const [entry] = takeOne(counters, tokens, amount, now).receipt.entries;
    if (entry === undefined) throw new Error('was to be taken');
    return entry;
  }

  it('replaces an estimate by what was used (example 1)', () => {
    const counters = engine();
    const entry = taken(counters, 80, at('10:00:50'));
    expect(readOne(counters, tokens, 0, at('10:00:50')).remaining).toBe(20);
    counters.correct([{ entry, actual: 30 }], at('10:00:55'));
    expect(readOne(counters, tokens, 0, at('10:00:55')).remaining).toBe(70);
  });

  it('leaves the next window alone (example 1, settled late)', () => {
    const counters = engine();
    const entry = taken(counters, 80, at('10:00:50'));
    taken(counters, 10, at('10:01:02'));
    counters.correct([{ entry, actual: 30 }], at('10:01:05'));
    expect(readOne(counters, tokens, 0, at('10:01:05')).counted).toBe(10);
    expect(counters.stats().droppedCorrections).toBe(1);
  });

  it('corrects the older window of a sliding limit where it is still seen', () => {
    const counters = engine();
    const sliding = spec({ name: 'sliding', algorithm: 'sliding_window' });
    const [entry] = takeOne(counters, sliding, 80, at('10:00:50')).receipt.entries;
    if (entry === undefined) throw new Error('was to be taken');
    takeOne(counters, sliding, 5, at('10:01:10'));
    counters.correct([{ entry, actual: 40 }], at('10:01:15'));
    expect(readOne(counters, sliding, 0, at('10:01:15')).counted).toBe(40 * 0.75 + 5);
  });

  it('counts past the maximum what was used above the estimate (example 2)', () => {
    const counters = engine();
    const entry = taken(counters, 80, at('10:00:10'));
    counters.correct([{ entry, actual: 130 }], at('10:00:20'));
    expect(readOne(counters, tokens, 1, at('10:00:30'))).toMatchObject({
      counted: 130,
      remaining: 0,
      admits: false,
      retryAfterMs: 30_000,
    });
    expect(takeOne(counters, tokens, 1, at('10:01:00')).kind).toBe('taken');
  });

  it('admits a call of unknown cost only while something is left', () => {
    const counters = engine();
    const unknown = { ...demand(tokens, 0), roomMin: 1 };
    expect(only(counters.read([unknown], T)).admits).toBe(true);
    takeOne(counters, tokens, 100);
    expect(counters.take([demand(tokens, 0)], T).kind).toBe('taken');
    expect(counters.take([unknown], T)).toMatchObject({
      kind: 'refused',
      readings: [{ admits: false, retryAfterMs: 60_000 }],
    });
  });

  it('refuses amounts that cannot be counted', () => {
    const counters = engine();
    for (const amount of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => counters.take([demand(tokens, amount)], T)).toThrow(/is an integer/);
      expect(() => counters.correct([{ entry: taken(engine(), 1, T), actual: amount }], T)).toThrow(
        /is an integer/,
      );
    }
    expect(counters.stats().live).toBe(0);
  });
}
