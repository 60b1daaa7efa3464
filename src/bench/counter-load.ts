/** What the benchmarks of counters have in common: names as limits have them, and how time is taken. */
import { type WallMs, wallMs } from '../common/time.js';
import type { CounterSpec, Demand } from '../counters/core/counter.js';

export const NOW: WallMs = wallMs(1_780_000_000_000);
const MINUTE = { kind: 'duration', durationMs: 60_000, anchorMs: 0 } as const;

/** 36 characters, most of them the same, as ids made in one day are. Flat, not a rope of parts. */
export function nameOf(i: number): string {
  const scattered = (Math.imul(i, 0x9e3779b1) >>> 0).toString(36).padStart(7, '0');
  return Buffer.from(`lim_01KBQZ7M3X8V2Q7R4T${scattered}${i % 10}/g1/k`).toString('latin1');
}

export type Kind = 'sliding window' | 'token bucket';

/** A counter that never refuses in a benchmark. */
export function counterOf(i: number, kind: Kind): CounterSpec {
  const name = nameOf(i);
  return kind === 'sliding window'
    ? { name, algorithm: 'sliding_window', window: MINUTE, maximum: 1e9 }
    : { name, algorithm: 'token_bucket', maximum: 1e6, refillAmount: 1_000, refillMs: 1_000 };
}

export const demandOf = (counter: CounterSpec): Demand => ({ counter, amount: 1, enforced: true });

/**
 * CPU time of this process in nanoseconds: what a machine that is shared with others does not disturb
 * as it does the clock. Includes the threads of the garbage collector and the compiler.
 */
export function cpuNanos(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

/** Memory in use, after a full collection: the heap and what typed arrays have outside of it. */
export function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * What one read of main memory takes at this moment, if it has to wait for the one before: the unit in
 * which a cold look-up should be read. Where neighbours share the memory it is a multiple of its best.
 */
export function memoryReadNanos(): number {
  const mask = 2 ** 25 - 1;
  const numbers = new Int32Array(mask + 1);
  for (let i = 0; i <= mask; i++) numbers[i] = Math.imul(i, 0x9e3779b1) >>> 7;
  let at = 1;
  const reads = 1_000_000;
  const startedAt = cpuNanos();
  for (let i = 0; i < reads; i++) at = ((numbers[at] ?? 0) + i) & mask;
  const nanos = (cpuNanos() - startedAt) / reads;
  return at < 0 ? Number.NaN : nanos;
}
