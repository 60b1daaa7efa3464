import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ABSENT, CounterSlab } from './counter-slab.js';
import type { Fingerprint } from './fingerprint.js';
import { Population } from './population.js';

/** Few values for each word, so that fingerprints that share one or two are common. */
const keyOf = (i: number): Fingerprint => ({ a: i % 3, b: (i >> 2) % 3, c: i });

describe('CounterSlab', () => {
  it('is a map whose entries leave when their time has come', () => {
    const step = fc.record({ key: fc.nat(30), lastsSeconds: fc.nat(20), pauseMs: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const slab = new CounterSlab(1, new Population(1_000));
        const model = new Map<number, number>();
        let now = 0;
        for (const { key, lastsSeconds, pauseMs } of steps) {
          now += pauseMs;
          slab.sweep(100, now);
          for (const [known, end] of model) if (end <= now) model.delete(known);
          for (let k = 0; k <= 30; k++) expect(slab.find(keyOf(k)) !== ABSENT).toBe(model.has(k));
          if (model.has(key)) continue;
          const endMs = (Math.floor(now / 1_000) + 1 + lastsSeconds) * 1_000;
          slab.expireAt(slab.insert(keyOf(key), undefined), endMs);
          model.set(key, endMs);
        }
        expect(slab.size).toBe(model.size);
      }),
      { numRuns: 200 },
    );
  });

  it('tells fingerprints apart that share all but one word', () => {
    const slab = new CounterSlab(1, new Population(10));
    const key = { a: 1, b: 2, c: 3 };
    const records = [key, { ...key, a: -1 }, { ...key, b: -2 }, { ...key, c: -3 }].map((k) =>
      slab.insert(k, undefined),
    );
    expect(new Set(records).size).toBe(4);
    expect(slab.find({ ...key, b: -2 })).toBe(records[2]);
    expect(slab.find({ ...key, a: 9 })).toBe(ABSENT);
  });

  it('gains on the openings: what is over leaves while new counters come', () => {
    const slab = new CounterSlab(1, new Population(100_000));
    for (let i = 0; i < 40_000; i++) {
      slab.sweepAsDue(i);
      slab.expireAt(slab.insert({ a: i, b: 0, c: Math.imul(i, 0x9e3779b1) }, undefined), i + 1_000);
    }
    expect(slab.size).toBeLessThan(4_000);
    expect(slab.records.highest).toBeLessThan(4_000);
  });

  it('keeps a counter that is not over yet, and asks again', () => {
    let isOver = false;
    const slab = new CounterSlab(1, new Population(10), { isOver: () => isOver });
    slab.expireAt(slab.insert(keyOf(1), undefined), 1_000);
    slab.sweep(10, 5_000);
    expect(slab.size).toBe(1);
    isOver = true;
    slab.sweep(10, 5_000);
    expect(slab.size).toBe(0);
  });

  it('never sweeps what ends beyond the range of its clock', () => {
    const slab = new CounterSlab(1, new Population(10));
    slab.expireAt(slab.insert(keyOf(1), undefined), 1e15);
    slab.sweep(10, 4_294_967_294_000);
    expect(slab.size).toBe(1);
  });

  it('gives groups their room back', () => {
    const population = new Population(10);
    const slab = new CounterSlab(1, population);
    const group = { name: 'per-model', countersMax: 1 };
    slab.expireAt(slab.insert(keyOf(1), group.name), 1_000);
    expect(population.hasRoomFor(group)).toBe(false);
    expect(population.hasRoomFor({ ...group, name: 'other' })).toBe(true);
    slab.sweep(10, 1_000);
    expect(population.hasRoomFor(group)).toBe(true);
    expect(population.live).toBe(0);
  });
});
