/**
 * Whether a call is turned away because this process is behind. A process with one event loop has one
 * queue: what has arrived and waits for its turn. How long it waits shows in how late a timer fires, and,
 * within a turn, in how long the turn has lasted.
 *
 * Two rules. Shedding begins when every turn for some time was late: a pause alone (a garbage collection, a
 * burst) is no overload, and is worked off. While it lasts, each turn takes up new work for half of the
 * allowed lag and turns away what comes after, so that no call waits long behind others, and those that are
 * taken up are as many as can be served. It ends when no turn was late by half of that for as long.
 *
 * Facts (debits, releases) are turned away last: a question that is not answered can be asked again, and a
 * fact that is not recorded is money that was spent and is missing.
 *
 * Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012, for the two thresholds and the
 * interval; ADR 0041.
 */
import type { MonoMs } from '../../common/time.js';

export type CallKind = 'question' | 'fact';

export interface LoadGuardOptions {
  /** Turns that are late by more, one after the other, are overload. Milliseconds. */
  readonly targetLagMs: number;
  /** For how long they must be, and for how long not, until it counts. Milliseconds. */
  readonly intervalMs: number;
  /** Facts are turned away in a turn that has lasted longer. Milliseconds. */
  readonly factLagMs: number;
}

export class LoadGuard {
  private shedding = false;
  /** When the next turn is due, or was: now is later, so the loop has not turned since. */
  private dueAt: MonoMs;
  /** Since when the state should be the other one. */
  private turnedSince: MonoMs | undefined;

  constructor(
    private readonly options: LoadGuardOptions,
    now: MonoMs,
  ) {
    this.dueAt = now;
  }

  get isShedding(): boolean {
    return this.shedding;
  }

  /** How long the loop has not turned beyond what was due: what a call that comes now has waited at most. */
  lagMs(now: MonoMs): number {
    return now > this.dueAt ? now - this.dueAt : 0;
  }

  /** A turn has come; the next is due at `dueAt`. Answers how late this one was, in milliseconds. */
  turned(now: MonoMs, dueAt: MonoMs): number {
    const lagMs = this.lagMs(now);
    this.dueAt = dueAt;
    const isOtherState = this.shedding ? lagMs < this.shareMs : lagMs > this.options.targetLagMs;
    if (!isOtherState) this.turnedSince = undefined;
    else if (this.turnedSince === undefined) this.turnedSince = now;
    else if (now - this.turnedSince >= this.options.intervalMs) this.change();
    return lagMs;
  }

  /** Whether a call that comes now is turned away. */
  refuses(kind: CallKind, now: MonoMs): boolean {
    if (!this.shedding) return false;
    return this.lagMs(now) >= (kind === 'fact' ? this.options.factLagMs : this.shareMs);
  }

  /** When it may be asked again, in milliseconds: not before the state can have changed. */
  retryAfterMs(now: MonoMs): number {
    return Math.max(this.options.intervalMs, Math.ceil(this.lagMs(now)));
  }

  /** What of a turn goes to new work while shedding. */
  private get shareMs(): number {
    return this.options.targetLagMs / 2;
  }

  private change(): void {
    this.shedding = !this.shedding;
    this.turnedSince = undefined;
  }
}
