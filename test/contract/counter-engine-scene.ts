import { wallMs } from '../../src/common/time.js';
import type {
  CounterSpec,
  Demand,
  Reading,
  Receipt,
  WindowSpec,
} from '../../src/counters/core/counter.js';
import type { CounterEngine } from '../../src/counters/counter-engine.js';

export const at = (time: string) => wallMs(Date.parse(`2026-03-05T${time}Z`));
export const T = at('10:00:00');

export const spec = (over: Partial<WindowSpec> = {}): WindowSpec => ({
  name: 'limit-a',
  algorithm: 'fixed_window',
  window: { kind: 'duration', durationMs: 60_000, anchorMs: 0 },
  maximum: 100,
  ...over,
});

export const demand = (counter: CounterSpec, amount = 1, enforced = true): Demand => ({
  counter,
  amount,
  enforced,
});

export const only = (readings: readonly Reading[]): Reading => {
  const [reading, ...rest] = readings;
  if (reading === undefined || rest.length > 0) throw new Error('expected one reading');
  return reading;
};

export function takeOne(
  engine: CounterEngine,
  counter: CounterSpec,
  amount: number,
  now: number = T,
) {
  const outcome = engine.take([demand(counter, amount)], wallMs(now));
  const receipt: Receipt = outcome.kind === 'taken' ? outcome.receipt : { entries: [] };
  return { kind: outcome.kind, receipt, ...only(outcome.readings) };
}

export const readOne = (
  engine: CounterEngine,
  counter: CounterSpec,
  amount: number,
  now: number = T,
) => only(engine.read([demand(counter, amount)], wallMs(now)));
