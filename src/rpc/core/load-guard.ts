/**
 * Whether a call is turned away because this process is behind. A process with one event loop has one
 * queue: what has arrived and waits for its turn. How long it waits shows in how late a timer fires, and,
 * within a turn, in how long the turn has lasted.
 *
 * Two rules. Shedding begins when every turn for some time was late: a pause alone (a garbage collection, a
 * burst) is no overload, and is worked off. While it lasts, each turn takes up new work for a small part of the
 * allowed lag and turns away what comes after, so that no call waits long behind others, and those that are
 * taken up are as many as can be served: turning away is short, so the loop soon turns again, however small the
 * part is. A few are taken up in any turn. It ends when for as long no call was turned away, and no turn was late by half of the allowed lag.
 *
 * Facts (debits, releases) are turned away last: a question that is not answered can be asked again, and a
 * fact that is not recorded is money that was spent and is missing.
 *
 * Source: Nichols and Jacobson, "Controlling Queue Delay", ACM Queue 2012, for the two thresholds and the
 * interval; ADR 0041 and 0042.
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

/** What of the allowed lag goes to new work in each turn, while shedding. */
const SHARE = 1 / 8;
/**
 * Calls that are taken up in each turn, however late it is. A process that does not get its processor is late
 * without being asked much: who is alone must not be turned away for that.
 */
const TAKEN_MIN = 4;
/** Of the allowed lag: a turn that is later speaks against the end of shedding. */
const CALM = 1 / 2;

export class LoadGuard {
  private shedding = false;
  /** When the next turn is due, or was: now is later, so the loop has not turned since. */
  private dueAt: MonoMs;
  /** Calls taken up since the loop last turned, while shedding. */
  private taken = 0;
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
    this.taken = 0;
    const { targetLagMs } = this.options;
    const isOtherState = this.shedding ? lagMs < targetLagMs * CALM : lagMs > targetLagMs;
    if (!isOtherState) this.turnedSince = undefined;
    else if (this.turnedSince === undefined) this.turnedSince = now;
    else if (now - this.turnedSince >= this.options.intervalMs) this.change();
    return lagMs;
  }

  /** Whether a call that comes now is turned away; one that is puts off the end of shedding. */
  refuses(kind: CallKind, now: MonoMs): boolean {
    if (!this.shedding) return false;
    const { factLagMs, targetLagMs } = this.options;
    const allowedMs = kind === 'fact' ? factLagMs : targetLagMs * SHARE;
    if (this.taken < TAKEN_MIN || this.lagMs(now) < allowedMs) {
      this.taken += 1;
      return false;
    }
    this.turnedSince = undefined;
    return true;
  }

  /** When it may be asked again, in milliseconds: not before the state can have changed, in whole intervals. */
  retryAfterMs(now: MonoMs): number {
    const { intervalMs } = this.options;
    return Math.max(1, Math.ceil(this.lagMs(now) / intervalMs)) * intervalMs;
  }

  private change(): void {
    this.shedding = !this.shedding;
    this.turnedSince = undefined;
  }
}
