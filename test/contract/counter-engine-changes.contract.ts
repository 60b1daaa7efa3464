import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { wallMs } from '../../src/common/time.js';
import type { Checkpoint } from '../../src/counters/core/checkpoint.js';
import type { WindowSpec } from '../../src/counters/core/counter.js';
import type { CounterEngine, CounterLimits } from '../../src/counters/counter-engine.js';
import { ExactCounters } from './counter-engine-reference.js';
import { demand, readOne, spec } from './counter-engine-scene.js';

type Make = (limits: CounterLimits) => CounterEngine;

/** Longer than a minute, so that they outlive a restart; a little only, so that they end now and then. */
const WINDOWS_MS = [61_000, 90_000, 150_000];

interface Policy {
  readonly generation: number;
  readonly algorithm: WindowSpec['algorithm'];
  readonly durationMs: number;
  readonly maximum: number;
}

const counterOf = (
  id: number,
  { generation, algorithm, durationMs, maximum }: Policy,
): WindowSpec =>
  spec({
    name: `lim-${id}/${generation}`,
    algorithm,
    window: { kind: 'duration', durationMs, anchorMs: 0 },
    maximum,
  });

const shape = fc.record({
  algorithm: fc.constantFrom('fixed_window' as const, 'sliding_window' as const),
  durationMs: fc.constantFrom(...WINDOWS_MS),
  maximum: fc.nat(40),
});
const step = fc.record({
  kind: fc.constantFrom('take', 'take', 'take', 'add', 'correct', 'change', 'resize', 'restart'),
  which: fc.nat(1),
  amount: fc.nat(15),
  shape,
  ms: fc.oneof(fc.nat(9_000), fc.integer({ min: -70_000, max: 70_000 })),
});

/** `make` gives engines that can read each other's checkpoints. */
export function changesContract(make: Make): void {
  it('is an exact reference through takes, corrections, changes of limits, clock steps and restarts', () => {
    fc.assert(
      fc.property(shape, shape, fc.array(step, { maxLength: 60 }), (first, second, steps) => {
        const exact = new ExactCounters();
        const policies: Policy[] = [first, second].map((one) => ({ ...one, generation: 1 }));
        let engine = make({ liveMax: 1_000 });
        /** By each run of the replica, the last that it wrote. */
        const written: Checkpoint[] = [];
        let now = 10_000_000;
        const taken: { readonly windowStart: number; readonly amount: number; name: string }[] = [];
        const entries: Parameters<CounterEngine['renew']>[0][number][] = [];
        for (const { kind, which, amount, shape: next, ms } of steps) {
          now += ms;
          const policy = policies[which] ?? { ...first, generation: 1 };
          const demands = [demand(counterOf(which, policy), amount)];
          if (kind === 'change') policies[which] = { ...next, generation: policy.generation + 1 };
          else if (kind === 'resize') policies[which] = { ...policy, maximum: next.maximum };
          else if (kind === 'restart') {
            now = exact.advance(now);
            engine.checkpointAnew(wallMs(now));
            written.push(engine.checkpoint(1_000));
            engine = make({ liveMax: 1_000 });
            for (const checkpoint of written) engine.restore(checkpoint, wallMs(now));
          } else if (kind === 'add') {
            engine.add(demands, wallMs(now));
            exact.add(demands, now);
          } else if (kind === 'correct') {
            const [entry, fact] = [entries.pop(), taken.pop()];
            if (entry === undefined || fact === undefined) continue;
            exact.advance(now);
            engine.correct([{ entry, actual: amount }], wallMs(now));
            exact.correct(fact, amount);
          } else {
            const outcome = engine.take(demands, wallMs(now));
            expect(outcome.kind === 'taken').toBe(exact.take(demands, now) !== undefined);
            if (outcome.kind === 'refused') continue;
            for (const entry of outcome.receipt.entries) {
              entries.push(entry);
              const { counter, windowStart } = entry;
              taken.push({ name: counter.name, windowStart, amount: entry.amount });
            }
          }
          policies.forEach((one, id) => expectSame(engine, exact, counterOf(id, one), now));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('differs from a log of every call by what the older window had on the wrong side, at most', () => {
    const call = fc.record({ ms: fc.nat(400), amount: fc.nat(5) });
    fc.assert(
      fc.property(
        fc.array(call, { maxLength: 80 }),
        fc.integer({ min: 1, max: 60 }),
        (calls, maximum) => {
          const lengthMs = 1_000;
          const window = { kind: 'duration', durationMs: lengthMs, anchorMs: 0 } as const;
          const counter = spec({ algorithm: 'sliding_window', window, maximum });
          const engine = make({ liveMax: 10 });
          const log: { readonly at: number; readonly amount: number }[] = [];
          const between = (from: number, to: number): number =>
            log.reduce((sum, one) => sum + (one.at >= from && one.at < to ? one.amount : 0), 0);
          let now = 5_000_000;
          for (const { ms, amount } of calls) {
            now += ms;
            const start = Math.floor(now / lengthMs) * lengthMs;
            const elapsed = (now - start) / lengthMs;
            const older = between(start - lengthMs, start);
            const inLog = between(now - lengthMs + 1, now + 1);
            const { counted, admits } = readOne(engine, counter, amount, now);
            expect(counted - inLog).toBeLessThanOrEqual(Math.ceil(older * (1 - elapsed)));
            expect(inLog - counted).toBeLessThanOrEqual(Math.ceil(older * elapsed));
            if (older === 0) expect(admits).toBe(inLog + amount <= maximum);
            if (!admits) continue;
            engine.take([demand(counter, amount)], wallMs(now));
            log.push({ at: now, amount });
          }
        },
      ),
      { numRuns: 200 },
    );
  });
}

function expectSame(
  engine: CounterEngine,
  exact: ExactCounters,
  counter: WindowSpec,
  now: number,
): void {
  const [expected] = exact.read([demand(counter, 1)], now);
  const { counted, admits } = readOne(engine, counter, 1, now);
  expect({ counted, admits }).toEqual(expected);
}
