/** What one demand finds in the windows of one counter. Pure arithmetic over {@link WindowCounts}. */
import type { Interval } from '../../common/time.js';
import type { CounterSpec, Reading } from './counter.js';
import { slidingEstimate, slidingFitsAt, type WindowCounts } from './sliding-window.js';

export function readWindow(
  spec: CounterSpec,
  counts: WindowCounts,
  question: { readonly window: Interval; readonly now: number; readonly amount: number },
): Reading {
  const { window, now, amount } = question;
  const counted =
    spec.algorithm === 'sliding_window' ? slidingEstimate(counts, window, now) : counts.current;
  const admits = counted + amount <= spec.maximum;
  return {
    window,
    counted,
    remaining: Math.max(0, spec.maximum - counted),
    admits,
    retryAfterMs: admits ? undefined : retryAfter(spec, counts, question),
  };
}

/** The same reading once its demand has been counted. */
export function afterCounting(reading: Reading, spec: CounterSpec, amount: number): Reading {
  const counted = reading.counted + amount;
  return { ...reading, counted, remaining: Math.max(0, spec.maximum - counted) };
}

function retryAfter(
  spec: CounterSpec,
  counts: WindowCounts,
  question: { readonly window: Interval; readonly now: number; readonly amount: number },
): number | undefined {
  const { window, now, amount } = question;
  const room = spec.maximum - amount;
  if (room < 0) return undefined;
  if (spec.algorithm === 'fixed_window') return window.end - now;
  return slidingFitsAt(counts, window, now, room) - now;
}
