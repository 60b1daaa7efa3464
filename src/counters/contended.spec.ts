/** The last of a limit may be counted by several replicas at once, until they have told each other. */
import { describe, expect, it } from '@jest/globals';
import { wallMs } from '../common/time.js';
import type { CounterSpec, Demand } from './core/counter.js';
import { LocalCounterEngine } from './local-counter-engine.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';

const KEY = { k0: 11, k1: 22 };
const NOW = wallMs(1_700_000_000_000);
const LIMIT: CounterSpec = {
  name: 'lim_1/1',
  algorithm: 'sliding_window',
  window: { kind: 'duration', durationMs: 60_000, anchorMs: 0 },
  maximum: 10,
};

const demand = (over: Partial<Demand> = {}): Demand => ({
  counter: LIMIT,
  amount: 1,
  enforced: true,
  ...over,
});

/** One of three. */
function engineOfThree(): ReplicatedCounterEngine {
  const source = { replicaId: 'a', bootId: '1', region: 'here' };
  const engine = new ReplicatedCounterEngine({ liveMax: 100 }, KEY, source);
  engine.store.setPeers(2);
  return engine;
}

function count(engine: LocalCounterEngine, times: number): void {
  for (let i = 0; i < times; i++) engine.take([demand()], NOW);
}

describe('isContended', () => {
  it('begins when two others, counting as much, would have counted the rest', () => {
    const engine = engineOfThree();
    count(engine, 3);
    // 7 are left, of which others may have 6.
    expect(engine.isContended([demand()])).toBe(false);
    count(engine, 1);
    expect(engine.isContended([demand()])).toBe(true);
  });

  it.each(['at once', 'in their turn'])('ends when peers are told %s', (how) => {
    const engine = engineOfThree();
    count(engine, 5);
    if (how === 'at once') engine.store.takeUrgent(1_000);
    else engine.store.collect('own', 0, 1_000);
    expect(engine.isContended([demand()])).toBe(false);
    count(engine, 1);
    // 4 are left, and others may have 2.
    expect(engine.isContended([demand()])).toBe(false);
    count(engine, 1);
    expect(engine.isContended([demand()])).toBe(true);
  });

  it('is of one counter, if that one is enforced', () => {
    const engine = engineOfThree();
    count(engine, 5);
    expect(engine.isContended([])).toBe(false);
    expect(engine.isContended([demand({ counter: { ...LIMIT, name: 'lim_2/1' } })])).toBe(false);
    expect(engine.isContended([demand({ enforced: false })])).toBe(false);
  });

  it('is nothing to one that counts alone', () => {
    const alone = new LocalCounterEngine({ liveMax: 100 }, KEY);
    const replica = engineOfThree();
    replica.store.setPeers(0);
    for (const engine of [alone, replica]) {
      count(engine, 10);
      expect(engine.isContended([demand()])).toBe(false);
    }
  });
});
