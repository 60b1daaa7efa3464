/**
 * How long a suspect has to clear itself. It starts with the longest wait and shrinks with every
 * *independent* accuser, by the logarithm of their number: one node's word counts for little, since
 * that node may be the slow one.
 *
 * Invariants: the timer never grows; each accuser counts once; the first accuser never confirms.
 * Source: Dadgar, Phillips, Currey, "Lifeguard: SWIM-ing with Situational Awareness", 2017 (LHA-Suspicion).
 */
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';

export interface SuspicionBounds {
  readonly minMs: number;
  readonly maxMs: number;
  /** Confirmations that bring the wait down to the least. */
  readonly confirmations: number;
}

export interface SuspicionOptions {
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  readonly probeIntervalMs: number;
}

/** For a table of `n` members, dead ones and self included. */
export function suspicionBounds(options: SuspicionOptions, n: number): SuspicionBounds {
  const minMs = minSuspicionMs(options.suspicionMult, n, options.probeIntervalMs);
  const wanted = options.suspicionMult - 2;
  return {
    minMs,
    maxMs: options.suspicionMaxTimeoutMult * minMs,
    // With fewer than that who could confirm, waiting for them would be in vain.
    confirmations: n - 2 < wanted ? 0 : Math.max(0, wanted),
  };
}

export function minSuspicionMs(mult: number, n: number, probeIntervalMs: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, n)));
  return (mult * Math.trunc(scale * 1000) * probeIntervalMs) / 1000;
}

/** The whole wait after `confirmed` confirmations. */
export function suspicionTimeoutMs(bounds: SuspicionBounds, confirmed: number): number {
  if (bounds.confirmations < 1) return bounds.minMs;
  const share = Math.log(confirmed + 1) / Math.log(bounds.confirmations + 1);
  const raw = bounds.maxMs - (bounds.maxMs - bounds.minMs) * share;
  return Math.max(bounds.minMs, Math.floor(raw));
}

export class Suspicion {
  private readonly accusers: Set<string>;
  private confirmed = 0;
  private deadlineAt: MonoMs;

  constructor(
    private readonly bounds: SuspicionBounds,
    firstAccuser: string,
    private readonly startedAt: MonoMs,
  ) {
    this.accusers = new Set([firstAccuser]);
    this.deadlineAt = this.deadlineNow();
  }

  get deadline(): MonoMs {
    return this.deadlineAt;
  }

  get confirmations(): number {
    return this.confirmed;
  }

  /** True if this accuser is new information, which is then worth passing on. */
  confirm(accuser: string): boolean {
    if (this.confirmed >= this.bounds.confirmations || this.accusers.has(accuser)) return false;
    this.accusers.add(accuser);
    this.confirmed++;
    this.deadlineAt = this.deadlineNow();
    return true;
  }

  /** Gives the accused time again in which we ourselves were not listening. */
  notBefore(at: MonoMs): void {
    if (this.deadlineAt < at) this.deadlineAt = at;
  }

  private deadlineNow(): MonoMs {
    return monoMs(this.startedAt + suspicionTimeoutMs(this.bounds, this.confirmed));
  }
}
