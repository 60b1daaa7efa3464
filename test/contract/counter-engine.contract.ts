import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { AssertionError } from '../../src/common/assert.js';
import { DomainError } from '../../src/common/domain-error.js';
import { wallMs } from '../../src/common/time.js';
import type { Demand, Receipt } from '../../src/counters/core/counter.js';
import type { CounterEngine, CounterLimits } from '../../src/counters/counter-engine.js';
import {
  bucketContract,
  concurrencyContract,
  correctionContract,
} from './counter-engine-kinds.contract.js';
import { changesContract } from './counter-engine-changes.contract.js';
import { handedHoldsContract } from './counter-engine-handed.contract.js';
import { busiestContract, checkpointContract } from './counter-engine-state.contract.js';
import { ExactCounters } from './counter-engine-reference.js';
import { at, demand, only, readOne, spec, T, takeOne } from './counter-engine-scene.js';

/** What every engine does on one replica, whatever it does with its peers. */
export function counterEngineContract(make: (limits: CounterLimits) => CounterEngine): void {
  const engine = () => make({ liveMax: 10_000 });
  describe('windows', () => windowContract(engine));
  describe('many demands', () => manyDemandsContract(engine));
  describe('time', () => timeContract(engine));
  describe('token buckets', () => bucketContract(engine));
  describe('concurrency', () => concurrencyContract(engine));
  describe('handed holds', () =>
    handedHoldsContract((limits = { liveMax: 10_000 }) => make(limits)));
  describe('corrections', () => correctionContract(engine));
  describe('checkpoints', () => checkpointContract(make));
  describe('changes', () => changesContract(make));
  describe('the busiest', () => busiestContract(engine));
  describe('bounds', () => boundsContract(make));
  describe('against an exact reference', () => referenceContract(engine));
}

function windowContract(engine: () => CounterEngine): void {
  it('admits up to the maximum of a fixed window and says when the next begins', () => {
    const counters = engine();
    for (let i = 1; i <= 100; i++)
      expect(takeOne(counters, spec(), 1, T + 5_000)).toMatchObject({
        kind: 'taken',
        counted: i,
        remaining: 100 - i,
      });
    expect(takeOne(counters, spec(), 1, T + 5_000)).toMatchObject({
      kind: 'refused',
      counted: 100,
      remaining: 0,
      admits: false,
      retryAfterMs: 55_000,
      window: { start: T, end: T + 60_000 },
    });
    expect(takeOne(counters, spec(), 1, T + 60_000).kind).toBe('taken');
  });

  it('weighs the older window by what is left of it (example 11)', () => {
    const counters = engine();
    const sliding = spec({ algorithm: 'sliding_window' });
    takeOne(counters, sliding, 80, at('10:00:30'));
    const now = at('10:01:15');
    expect(readOne(counters, sliding, 0, now)).toMatchObject({ counted: 60, remaining: 40 });
    for (let i = 0; i < 40; i++) expect(takeOne(counters, sliding, 1, now).kind).toBe('taken');
    expect(takeOne(counters, sliding, 1, now)).toMatchObject({
      kind: 'refused',
      retryAfterMs: 750,
    });
  });

  it('follows the calendar of a time zone', () => {
    const window = {
      kind: 'calendar',
      unit: 'day',
      timeZone: 'Europe/Berlin',
      weekStart: 1,
      anchorDay: 1,
      anchorMonth: 1,
    } as const;
    const daily = spec({ window, maximum: 1 });
    const counters = engine();
    expect(takeOne(counters, daily, 1, Date.parse('2026-03-28T23:30:00Z'))).toMatchObject({
      kind: 'taken',
      window: {
        start: Date.parse('2026-03-28T23:00:00Z'),
        end: Date.parse('2026-03-29T22:00:00Z'),
      },
    });
    expect(takeOne(counters, daily, 1, Date.parse('2026-03-29T21:59:00Z'))).toMatchObject({
      kind: 'refused',
      retryAfterMs: 60_000,
    });
    expect(takeOne(counters, daily, 1, Date.parse('2026-03-29T22:00:00Z')).kind).toBe('taken');
  });

  it('never admits a demand that is larger than the maximum, and says so', () => {
    for (const algorithm of ['fixed_window', 'sliding_window'] as const)
      expect(takeOne(engine(), spec({ algorithm }), 101)).toMatchObject({
        kind: 'refused',
        admits: false,
        remaining: 100,
        retryAfterMs: undefined,
      });
  });

  it('refuses everything at a maximum of 0, but not a demand of nothing', () => {
    const counters = engine();
    const closed = spec({ maximum: 0 });
    expect(takeOne(counters, closed, 1)).toMatchObject({ kind: 'refused', remaining: 0 });
    expect(takeOne(counters, closed, 0)).toMatchObject({ kind: 'taken', remaining: 0 });
  });

  it('keeps what was counted when the maximum changes (example 14)', () => {
    const counters = engine();
    takeOne(counters, spec(), 40);
    expect(readOne(counters, spec({ maximum: 10 }), 1)).toMatchObject({
      counted: 40,
      remaining: 0,
      admits: false,
      retryAfterMs: 60_000,
    });
    expect(readOne(counters, spec({ maximum: 50 }), 10)).toMatchObject({
      remaining: 10,
      admits: true,
    });
  });

  it('counts what has happened past the maximum, and clamps what is left', () => {
    const counters = engine();
    const reading = only(counters.add([demand(spec(), 130)], T));
    expect(reading).toMatchObject({ counted: 130, remaining: 0 });
    expect(takeOne(counters, spec(), 1).kind).toBe('refused');
    expect(takeOne(counters, spec(), 1, at('10:01:00')).kind).toBe('taken');
  });

  it('is exact at the edge of the safe integers', () => {
    const huge = spec({
      algorithm: 'sliding_window',
      maximum: Number.MAX_SAFE_INTEGER,
      window: { kind: 'duration', durationMs: 86_400_000, anchorMs: 0 },
    });
    const counters = engine();
    expect(takeOne(counters, huge, Number.MAX_SAFE_INTEGER)).toMatchObject({ remaining: 0 });
    const tomorrow = at('00:00:00') + 86_400_000 + 1;
    expect(readOne(counters, huge, 1, tomorrow)).toMatchObject({
      counted: Number((9_007_199_254_740_991n * 86_399_999n + 86_399_999n) / 86_400_000n),
      admits: true,
    });
    only(counters.add([demand(huge, Number.MAX_SAFE_INTEGER)], wallMs(tomorrow)));
    expect(readOne(counters, huge, 1, tomorrow)).toMatchObject({ remaining: 0, admits: false });
  });
}

function manyDemandsContract(engine: () => CounterEngine): void {
  const key = spec({ name: 'key', maximum: 10 });
  const team = spec({ name: 'team', maximum: 5 });

  it('counts nowhere if one refuses (example 3)', () => {
    const counters = engine();
    takeOne(counters, team, 5);
    const outcome = counters.take([demand(key), demand(team)], T);
    expect(outcome.kind).toBe('refused');
    expect(outcome.readings).toMatchObject([
      { remaining: 10, admits: true, retryAfterMs: undefined },
      { remaining: 0, admits: false, retryAfterMs: 60_000 },
    ]);
    expect(readOne(counters, key, 0)).toMatchObject({ counted: 0 });
  });

  it('lets a limit in shadow count what was admitted, and refuse nothing', () => {
    const counters = engine();
    const shadow = demand(team, 6, false);
    expect(counters.take([demand(key, 6), shadow], T)).toMatchObject({
      kind: 'taken',
      readings: [{ remaining: 4 }, { counted: 6, remaining: 0, admits: false }],
    });
    expect(counters.take([demand(key, 6), shadow], T).kind).toBe('refused');
    expect(readOne(counters, team, 0).counted).toBe(6);
  });

  it('sees the same counter twice in one call', () => {
    const counters = engine();
    expect(counters.take([demand(team, 3), demand(team, 3)], T).kind).toBe('refused');
    expect(counters.take([demand(team, 3), demand(team, 2)], T)).toMatchObject({
      kind: 'taken',
      readings: [{ remaining: 2 }, { remaining: 0 }],
    });
  });

  it('answers a call that no limit matches', () => {
    expect(engine().take([], T)).toEqual({ kind: 'taken', readings: [], receipt: { entries: [] } });
  });

  it('gives back all that a take counted', () => {
    const counters = engine();
    const outcome = counters.take([demand(key, 2), demand(team, 3)], T);
    if (outcome.kind !== 'taken') throw new Error('was to be taken');
    counters.giveBack(outcome.receipt, T);
    expect(readOne(counters, key, 0).remaining).toBe(10);
    expect(readOne(counters, team, 0).remaining).toBe(5);
  });

  it('does not make more room than there is when a receipt is given back twice', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, key, 2);
    counters.giveBack(receipt, T);
    counters.giveBack(receipt, T);
    expect(readOne(counters, key, 0)).toMatchObject({ counted: 0, remaining: 10 });
  });
}

function timeContract(engine: () => CounterEngine): void {
  it('gives back in the window where it was counted', () => {
    const counters = engine();
    const sliding = spec({ algorithm: 'sliding_window' });
    const { receipt } = takeOne(counters, sliding, 80, at('10:00:30'));
    takeOne(counters, sliding, 10, at('10:01:00'));
    counters.giveBack(receipt, at('10:01:15'));
    expect(readOne(counters, sliding, 0, at('10:01:15')).counted).toBe(10);
  });

  it('drops what is given back to a window that is gone, and counts that', () => {
    const counters = engine();
    const { receipt } = takeOne(counters, spec(), 80, at('10:00:30'));
    takeOne(counters, spec(), 10, at('10:05:00'));
    counters.giveBack(receipt, at('10:05:00'));
    expect(readOne(counters, spec(), 0, at('10:05:00')).counted).toBe(10);
    expect(counters.stats().droppedCorrections).toBe(1);
  });

  it('waits in the latest window when the clock is stepped back', () => {
    const counters = engine();
    expect(counters.stats().clockBehindMs).toBe(0);
    takeOne(counters, spec(), 100, at('10:01:00'));
    expect(takeOne(counters, spec(), 1, at('10:00:10'))).toMatchObject({
      kind: 'refused',
      retryAfterMs: 60_000,
      window: { start: at('10:01:00') },
    });
    expect(counters.stats().clockBehindMs).toBe(50_000);
    expect(takeOne(counters, spec(), 1, at('10:02:00')).kind).toBe('taken');
  });
}

function boundsContract(make: (limits: CounterLimits) => CounterEngine): void {
  const named = (i: number) => spec({ name: `limit-${i}` });

  function filled(count: number): CounterEngine {
    const counters = make({ liveMax: count });
    for (let i = 0; i < count; i++) takeOne(counters, named(i), 1);
    return counters;
  }

  it('turns away a counter for which there is no room, and counts nothing', () => {
    const counters = filled(100);
    const both = [demand(named(0)), demand(named(100))];
    expect(() => counters.take(both, T)).toThrow(DomainError);
    expect(() => counters.take(both, T)).toThrow(/counters\.liveMax: all 100/);
    expect(readOne(counters, named(0), 0).counted).toBe(1);
    expect(readOne(counters, named(100), 1)).toMatchObject({ counted: 0, admits: true });
    expect(counters.stats()).toMatchObject({ live: 100, refusedFull: 2 });
  });

  it('goes on with the counters that it has, and does not block for a limit in shadow', () => {
    const counters = filled(100);
    expect(takeOne(counters, named(0), 1).kind).toBe('taken');
    expect(counters.take([demand(named(0)), demand(named(100), 1, false)], T).kind).toBe('taken');
    expect(only(counters.add([demand(named(100))], T)).counted).toBe(0);
    expect(counters.stats()).toMatchObject({ live: 100, refusedFull: 2 });
  });

  it('turns away a hold when there are too many, and not what needs none', () => {
    const counters = make({ liveMax: 100, holdsMax: 3 });
    const places = { name: 'places', algorithm: 'concurrency', maximum: 9, holdMs: 1_000 } as const;
    const { receipt } = takeOne(counters, places, 1);
    for (let i = 0; i < 2; i++) takeOne(counters, places, 1);
    const both = [demand(named(0)), demand(places)];
    expect(() => counters.take(both, T)).toThrow(/all holds/);
    expect(readOne(counters, named(0), 0).counted).toBe(0);
    expect(takeOne(counters, named(0), 1).kind).toBe('taken');
    counters.giveBack(receipt, T);
    expect(counters.take(both, T).kind).toBe('taken');
    expect(counters.stats()).toMatchObject({ holds: 3, refusedFull: 1 });
  });

  it('counts nothing when a demand of the call is malformed', () => {
    const counters = make({ liveMax: 100 });
    const places = { name: 'places', algorithm: 'concurrency', maximum: 9, holdMs: 1_000 } as const;
    const bucket = { name: 'bucket', algorithm: 'token_bucket', maximum: 1, refillMs: 1 } as const;
    const malformed: Demand[] = [
      demand(places, 2 ** 32, false),
      { ...demand(places), holdMs: 0 },
      demand({ ...bucket, refillAmount: 0 }),
      demand(spec({ window: { kind: 'duration', durationMs: 0, anchorMs: 0 } })),
      demand(spec({ algorithm: 'sliding_window', window: { kind: 'lifetime' } })),
    ];
    for (const one of malformed)
      expect(() => counters.take([demand(named(0)), one], T)).toThrow(AssertionError);
    expect(counters.stats().live).toBe(0);
  });

  it('has room again when windows have ended', () => {
    const counters = filled(100);
    for (let i = 0; i < 100; i++)
      expect(takeOne(counters, named(1_000 + i), 1, T + 60_000).kind).toBe('taken');
    expect(counters.stats().live).toBeLessThanOrEqual(100);
  });

  it('forgets every ended window by sweeping a few at a time', () => {
    const counters = filled(1_000);
    for (let i = 0; i < 30; i++) counters.sweep(100, wallMs(T + 60_000));
    expect(counters.stats().live).toBe(0);
  });

  it('keeps memory flat over eight hours of ever new groups', () => {
    const counters = make({ liveMax: 100_000 });
    const bytes: number[] = [];
    for (let second = 0; second < 8 * 3_600; second++) {
      for (let i = 0; i < 5; i++)
        takeOne(counters, named((second * 5 + i) * 7), 1, T + second * 1_000 + i);
      if (second % 3_600 === 3_599) bytes.push(counters.stats().bytes);
    }
    expect(new Set(bytes).size).toBe(1);
    expect(counters.stats()).toMatchObject({ refusedFull: 0, overflowed: new Map() });
    expect(counters.stats().live).toBeLessThan(1_000);
  });

  it('keeps a sliding window until nothing sees it any more', () => {
    const counters = make({ liveMax: 10 });
    const sliding = spec({ algorithm: 'sliding_window' });
    takeOne(counters, sliding, 100, T);
    for (let i = 0; i < 5; i++) counters.sweep(10, wallMs(T + 119_999));
    expect(readOne(counters, sliding, 0, T + 119_999).counted).toBe(1);
    for (let i = 0; i < 5; i++) counters.sweep(10, wallMs(T + 120_000));
    expect(counters.stats().live).toBe(0);
  });

  it('lets the values of a group beyond its cap share one counter', () => {
    const counters = make({ liveMax: 10_000 });
    const group = { name: 'per-model', countersMax: 3 };
    const model = (i: number) => spec({ name: `per-model/${i}`, maximum: 2, group });
    for (let i = 0; i < 3; i++) takeOne(counters, model(i), 1);
    expect(takeOne(counters, model(3), 1)).toMatchObject({ kind: 'taken', remaining: 1 });
    const shared = takeOne(counters, model(4), 1);
    expect(shared).toMatchObject({ kind: 'taken', remaining: 0 });
    expect(takeOne(counters, model(5), 1).kind).toBe('refused');
    expect(takeOne(counters, model(0), 1)).toMatchObject({ kind: 'taken', remaining: 0 });
    expect(counters.stats()).toMatchObject({
      live: 4,
      overflowed: new Map([['per-model', 2]]),
    });
    counters.giveBack(shared.receipt, T);
    expect(readOne(counters, model(5), 0)).toMatchObject({ remaining: 1 });
  });

  it('gives a group its room back when its windows have ended', () => {
    const counters = make({ liveMax: 10_000 });
    const group = { name: 'per-model', countersMax: 3 };
    for (let i = 0; i < 50; i++) {
      const model = spec({ name: `per-model/${i}`, maximum: 1, group });
      expect(takeOne(counters, model, 1, T + i * 60_000).kind).toBe('taken');
    }
    expect(counters.stats().overflowed.size).toBe(0);
  });
}

type Step =
  | { readonly kind: 'take' | 'add' | 'read'; readonly wants: readonly Want[]; readonly ms: number }
  | {
      readonly kind: 'give_back' | 'correct';
      readonly which: number;
      readonly actual: number;
      readonly ms: number;
    };

interface Want {
  readonly which: number;
  readonly amount: number;
  readonly maximum: number;
  readonly enforced: boolean;
}

const SHAPES = [
  { name: 'f10', algorithm: 'fixed_window', durationMs: 10, anchorMs: 0 },
  { name: 'f70', algorithm: 'fixed_window', durationMs: 70, anchorMs: 3 },
  { name: 's10', algorithm: 'sliding_window', durationMs: 10, anchorMs: 0 },
  { name: 's35', algorithm: 'sliding_window', durationMs: 35, anchorMs: -4 },
] as const;

const want = fc.record({
  which: fc.nat(SHAPES.length - 1),
  amount: fc.oneof(fc.nat(3), fc.nat(30)),
  maximum: fc.constantFrom(0, 1, 5, 20),
  enforced: fc.boolean(),
});
const stepMs = fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, fc.integer({ min: -60, max: 60 }));
const wants = fc.array(want, { minLength: 1, maxLength: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('take' as const), wants, ms: stepMs }),
  fc.record({ kind: fc.constantFrom('add' as const, 'read' as const), wants, ms: stepMs }),
  fc.record({
    kind: fc.constantFrom('give_back' as const, 'correct' as const),
    which: fc.nat(20),
    actual: fc.nat(40),
    ms: stepMs,
  }),
);

function demandOf({ which, amount, maximum, enforced }: Want): Demand {
  const shape = SHAPES[which % SHAPES.length] ?? SHAPES[0];
  const { name, algorithm, durationMs, anchorMs } = shape;
  const window = { kind: 'duration', durationMs, anchorMs } as const;
  return { counter: { name, algorithm, window, maximum }, amount, enforced };
}

function referenceContract(engine: () => CounterEngine): void {
  it('admits what the reference admits, and says what it says', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const run = { engine: engine(), exact: new ExactCounters(), receipts: [] as Receipt[] };
        let now = 1_000;
        for (const one of steps) {
          now += one.ms;
          perform(run, one, now);
        }
      }),
      { numRuns: 500 },
    );
  });
}

interface Run {
  readonly engine: CounterEngine;
  readonly exact: ExactCounters;
  /** Not yet given back. */
  readonly receipts: Receipt[];
}

function perform(run: Run, one: Step, now: number): void {
  switch (one.kind) {
    case 'give_back':
      return giveBack(run, one.which, now);
    case 'correct':
      return correct(run, one, now);
    case 'take':
    case 'add':
    case 'read':
      return ask(run, one, now);
  }
}

type Asking = Extract<Step, { wants: unknown }>;

function ask(run: Run, one: Asking, now: number): void {
  const demands = one.wants.map(demandOf);
  expectSameReadings(run, demands, now);
  if (one.kind === 'read') return;
  if (one.kind === 'add') {
    run.engine.add(demands, wallMs(now));
    run.exact.add(demands, now);
  } else {
    const outcome = run.engine.take(demands, wallMs(now));
    const expected = run.exact.take(demands, now);
    expect(outcome.kind).toBe(expected === undefined ? 'refused' : 'taken');
    if (outcome.kind === 'taken') run.receipts.push(outcome.receipt);
  }
  expectSameReadings(run, demands, now);
}

function giveBack({ engine, exact, receipts }: Run, which: number, now: number): void {
  const [receipt] = receipts.splice(which, 1);
  if (receipt === undefined) return;
  exact.advance(now);
  engine.giveBack(receipt, wallMs(now));
  exact.giveBack(
    receipt.entries.map(({ counter, windowStart, amount }) => {
      return { name: counter.name, windowStart, amount };
    }),
  );
}

function correct(
  { engine, exact, receipts }: Run,
  { which, actual }: { readonly which: number; readonly actual: number },
  now: number,
): void {
  const [receipt] = receipts.splice(which, 1);
  if (receipt === undefined) return;
  exact.advance(now);
  engine.correct(
    receipt.entries.map((entry) => ({ entry, actual })),
    wallMs(now),
  );
  for (const { counter, windowStart, amount } of receipt.entries)
    exact.correct({ name: counter.name, windowStart, amount }, actual);
}

function expectSameReadings({ engine, exact }: Run, demands: readonly Demand[], now: number): void {
  const expected = exact.read(demands, now);
  engine.read(demands, wallMs(now)).forEach(({ counted, admits }, i) => {
    expect({ counted, admits }).toEqual(expected[i]);
  });
  for (const each of demands) {
    const reading = only(engine.read([each], wallMs(now)));
    expect(reading.remaining).toBe(Math.max(0, each.counter.maximum - reading.counted));
    if (!reading.admits) expect(reading.retryAfterMs).toBe(exact.fitsAfterMs(each, now));
  }
}
