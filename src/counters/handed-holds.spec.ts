/**
 * Goal: a place that is handed from one replica to another is counted by all, never less than once, and once in the
 * end (ADR 0134). Method: three engines, of which two hand each other their holds in two steps, the heir first, with
 * anything in between, against a list of the holds that there are.
 */
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { present } from '../common/assert.js';
import { wallMs } from '../common/time.js';
import type { ConcurrencySpec, ReceiptEntry } from './core/counter.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';

const KEY = { k0: 11, k1: 22 };
const BEGIN = 1_700_000_000_000;
const PLACES: ConcurrencySpec = {
  name: 'lim_1/1',
  algorithm: 'concurrency',
  maximum: 3,
  holdMs: 20,
};

/** As one engine counts it. */
interface Hold {
  readonly at: number;
  readonly entry: ReceiptEntry;
  endsAt: number;
}

class Replicas {
  private nowMs = BEGIN;
  private readonly replicas = ['a', 'b', 'watching'].map((replicaId) => {
    const source = { replicaId, bootId: '1', region: 'here' };
    const engine = new ReplicatedCounterEngine({ liveMax: 10 }, KEY, source);
    return { engine, source, told: 0 };
  });
  /** Those that calls know of. */
  held: Hold[] = [];
  /** Those that an heir counts, and that are still to be given back. */
  handed: Hold[] = [];

  get now() {
    return wallMs(this.nowMs);
  }

  pass(ms: number): void {
    this.nowMs += ms;
    const lasts = ({ endsAt }: Hold): boolean => endsAt > this.nowMs;
    this.held = this.held.filter(lasts);
    this.handed = this.handed.filter(lasts);
  }

  take(at: number, amount: number): void {
    const demand = { counter: PLACES, amount, enforced: true };
    const outcome = this.engine(at).take([demand], this.now);
    if (outcome.kind === 'refused') return;
    const entry = present(outcome.receipt.entries[0], 'one was taken');
    this.held.push({ at, entry, endsAt: this.nowMs + PLACES.holdMs });
  }

  release(hold: Hold): void {
    this.engine(hold.at).giveBack({ entries: [hold.entry] }, this.now);
    this.held = this.held.filter((other) => other !== hold);
  }

  renew(hold: Hold, holdMs: number): void {
    expect(this.engine(hold.at).renew([hold.entry], holdMs, this.now)).toBe(true);
    hold.endsAt = Math.max(hold.endsAt, this.nowMs + holdMs);
  }

  /** The other one counts it, with the end that it has. */
  hand(hold: Hold): void {
    const at = 1 - hold.at;
    const endsAt = present(this.engine(hold.at).endOf(hold.entry, this.now), 'it lasts');
    expect(endsAt).toBe(hold.endsAt);
    const { amount } = hold.entry;
    const taken = this.engine(at).takeOver({ counter: PLACES, amount, endsAt }, this.now);
    const entry = present(taken, 'there is room');
    this.held = this.held.map((other) => (other === hold ? { at, entry, endsAt } : other));
    this.handed.push(hold);
  }

  giveBack(hold: Hold): void {
    this.engine(hold.at).giveBack({ entries: [hold.entry] }, this.now);
    this.handed = this.handed.filter((other) => other !== hold);
  }

  /** What each counts when all have told all. */
  counted(): readonly number[] {
    for (const { engine } of this.replicas) this.countedBy(engine);
    for (const from of this.replicas) {
      const { entries, to } = from.engine.store.collect('own', from.told, 1_000_000);
      const arrival = { source: from.source, isState: false, gapMs: 0 };
      for (const { engine, source } of this.replicas)
        if (source !== from.source) engine.store.merge(entries, arrival, this.now);
      from.told = to;
    }
    return this.replicas.map(({ engine }) => this.countedBy(engine));
  }

  private countedBy(engine: ReplicatedCounterEngine): number {
    const demand = { counter: PLACES, amount: 0, enforced: true };
    return engine.read([demand], this.now)[0]?.counted ?? 0;
  }

  private engine(at: number): ReplicatedCounterEngine {
    return present(this.replicas[at], 'there are three').engine;
  }
}

const sum = (holds: readonly Hold[]): number =>
  holds.reduce((total, { entry }) => total + entry.amount, 0);

const step = fc.record({
  kind: fc.constantFrom('take', 'take', 'hand', 'hand', 'give back', 'release', 'renew', 'pass'),
  at: fc.nat(1),
  amount: fc.integer({ min: 1, max: 2 }),
  which: fc.nat(3),
  ms: fc.integer({ min: 1, max: 15 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function perform(replicas: Replicas, { kind, at, amount, which, ms }: Step): void {
  const held = replicas.held[which % Math.max(1, replicas.held.length)];
  const handed = replicas.handed[which % Math.max(1, replicas.handed.length)];
  if (kind === 'take') replicas.take(at, amount);
  else if (kind === 'pass') replicas.pass(ms);
  else if (kind === 'give back' && handed !== undefined) replicas.giveBack(handed);
  else if (held === undefined) return;
  else if (kind === 'hand') replicas.hand(held);
  else if (kind === 'release') replicas.release(held);
  else if (kind === 'renew') replicas.renew(held, ms);
}

const all = (count: number): readonly number[] => [count, count, count];

describe('holds that replicas hand on to each other', () => {
  it('are counted by all, twice until they are given back, then once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const replicas = new Replicas();
        for (const one of steps) {
          perform(replicas, one);
          expect(replicas.counted()).toEqual(all(sum(replicas.held) + sum(replicas.handed)));
        }
        for (const hold of replicas.handed) replicas.giveBack(hold);
        expect(replicas.counted()).toEqual(all(sum(replicas.held)));
        replicas.pass(PLACES.holdMs);
        expect(replicas.counted()).toEqual(all(0));
      }),
      { numRuns: 100 },
    );
  });

  it('of one region stay of one region', () => {
    const spec = { ...PLACES, scope: 'region' } as const;
    const source = { replicaId: 'a', bootId: '1', region: 'here' };
    const engine = new ReplicatedCounterEngine({ liveMax: 10 }, KEY, source);
    engine.store.setRelay(true);
    const hold = { amount: 1, endsAt: BEGIN + 10 };
    engine.takeOver({ ...hold, counter: spec }, wallMs(BEGIN));
    expect(engine.store.collect('region', 0, 1_000).entries).toHaveLength(0);
    engine.takeOver({ ...hold, counter: { ...PLACES, name: 'lim_2/1' } }, wallMs(BEGIN));
    expect(engine.store.collect('region', 0, 1_000).entries).not.toHaveLength(0);
  });
});
