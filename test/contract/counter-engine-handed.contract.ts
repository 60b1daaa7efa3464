import { expect, it } from '@jest/globals';
import { wallMs } from '../../src/common/time.js';
import type { ConcurrencySpec, CounterSpec } from '../../src/counters/core/counter.js';
import type { CounterEngine, CounterLimits } from '../../src/counters/counter-engine.js';
import { readOne, spec, T, takeOne } from './counter-engine-scene.js';

const places: ConcurrencySpec = {
  name: 'places',
  algorithm: 'concurrency',
  maximum: 2,
  holdMs: 30_000,
};

/** Holds that another engine had given out. */
export function handedHoldsContract(engine: (limits?: CounterLimits) => CounterEngine): void {
  it('counts a handed hold, though it is past the maximum, until its own end', () => {
    const counters = engine();
    takeOne(counters, places, 2);
    const entry = counters.takeOver({ counter: places, amount: 1, endsAt: T + 5_000 }, T);
    expect(entry).toMatchObject({ counter: { name: 'places' }, amount: 1 });
    expect(readOne(counters, places, 1)).toMatchObject({ counted: 3, admits: false });
    expect(entry && counters.endOf(entry, T)).toBe(T + 5_000);
    expect(readOne(counters, places, 1, T + 5_000).counted).toBe(2);
    expect(entry && counters.endOf(entry, wallMs(T + 5_000))).toBeUndefined();
  });

  it('renews and releases a handed hold as one of its own', () => {
    const counters = engine();
    const entry = counters.takeOver({ counter: places, amount: 1, endsAt: T + 5_000 }, T);
    const entries = entry === undefined ? [] : [entry];
    expect(counters.renew(entries, 9_000, wallMs(T + 4_000))).toBe(true);
    expect(entry && counters.endOf(entry, wallMs(T + 4_000))).toBe(T + 13_000);
    counters.giveBack({ entries }, wallMs(T + 5_000));
    expect(readOne(counters, places, 1, T + 5_000).counted).toBe(0);
    expect(entry && counters.endOf(entry, wallMs(T + 5_000))).toBeUndefined();
  });

  it('knows no end of what is no hold, nor of a hold of another counter', () => {
    const counters = engine();
    const [window] = takeOne(counters, spec(), 1).receipt.entries;
    const [held] = takeOne(counters, places, 1).receipt.entries;
    expect(window && counters.endOf(window, T)).toBeUndefined();
    const other = { ...places, name: 'others' };
    expect(held && counters.endOf({ ...held, counter: other }, T)).toBeUndefined();
    takeOne(counters, other, 1);
    expect(held && counters.endOf({ ...held, counter: other }, T)).toBeUndefined();
    expect(held && counters.endOf(held, T)).toBe(T + 30_000);
  });

  it.each<[string, CounterSpec, number, number]>([
    ['whose time is over', places, 1, T],
    ['of no place', places, 0, T + 1],
    ['of half a place', places, 0.5, T + 1],
    ['of fewer than none', places, -1, T + 1],
    ['of more places than there can be', places, 2 ** 32, T + 1],
    ['without an end', places, 1, Number.NaN],
    ['in a window', spec(), 1, T + 1],
  ])('takes no handed hold %s, and counts nothing', (_, counter, amount, endsAt) => {
    const counters = engine();
    expect(counters.takeOver({ counter, amount, endsAt }, T)).toBeUndefined();
    expect(counters.stats()).toMatchObject({ live: 0, holds: 0 });
  });

  it('takes no handed hold without room: for holds, for counters, or in the group of its counter', () => {
    const hold = { counter: places, amount: 1, endsAt: T + 5_000 };
    const holding = engine({ liveMax: 10, holdsMax: 1 });
    takeOne(holding, places, 1);
    expect(holding.takeOver(hold, T)).toBeUndefined();
    const full = engine({ liveMax: 1 });
    takeOne(full, { ...places, name: 'others' }, 1);
    expect(full.takeOver(hold, T)).toBeUndefined();
    // It would be counted in the overflow counter, where nobody looks who has room for this one.
    const group = { name: 'grouped', countersMax: 1 };
    const grouped = engine();
    takeOne(grouped, { ...places, name: 'grouped/a', group }, 1);
    const second = { ...places, name: 'grouped/b', group };
    expect(grouped.takeOver({ ...hold, counter: second }, T)).toBeUndefined();
    for (const counters of [holding, full, grouped])
      expect(counters.stats()).toMatchObject({ live: 1, holds: 1 });
  });
}
