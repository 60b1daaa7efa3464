/**
 * When each proposed address is called. At once when it appears; then, as long as nobody is up there,
 * again and again with growing waits, for ever: a cluster that was split finds itself that way.
 * Few are called at a time, the one that waits longest first, so every address gets its turn however
 * many dead ones there are.
 */
import type { Random } from '../../common/random.js';
import { type MonoMs, monoMs } from '../../common/time.js';
import { Backoff, type BackoffBounds } from './backoff.js';

/** A call that succeeds without a member coming up there (another name for it) is repeated, too. */
export const JOIN_BACKOFF: BackoffBounds = { firstMs: 1_000, maxMs: 30_000 };

/** A dead address may take the whole time-out of a connection; the living must not queue behind it. */
export const JOINS_AT_ONCE_MAX = 16;

interface Waiting {
  readonly backoff: Backoff;
  dueAt: MonoMs;
  isCalled: boolean;
}

export class JoinQueue {
  private readonly waiting = new Map<string, Waiting>();
  private called = 0;

  constructor(private readonly random: Random) {}

  add(key: string, now: MonoMs): void {
    if (this.waiting.has(key)) return;
    const backoff = new Backoff(this.random, JOIN_BACKOFF);
    this.waiting.set(key, { backoff, dueAt: now, isCalled: false });
  }

  remove(key: string): void {
    if (this.waiting.get(key)?.isCalled === true) this.called--;
    this.waiting.delete(key);
  }

  /** A call has ended, one way or the other. */
  ended(key: string, now: MonoMs): void {
    const entry = this.waiting.get(key);
    if (entry === undefined || !entry.isCalled) return;
    entry.isCalled = false;
    this.called--;
    entry.dueAt = monoMs(now + entry.backoff.failed());
  }

  /** Those to call now; they count as called until `ended`. Where somebody is up, nobody calls. */
  take(live: ReadonlySet<string>, now: MonoMs): readonly string[] {
    const due: { readonly key: string; readonly entry: Waiting }[] = [];
    for (const [key, entry] of this.waiting) {
      if (live.has(key)) this.rest(entry, now);
      else if (!entry.isCalled && entry.dueAt <= now) due.push({ key, entry });
    }
    due.sort((a, b) => a.entry.dueAt - b.entry.dueAt);
    const taken = due.slice(0, Math.max(0, JOINS_AT_ONCE_MAX - this.called));
    for (const { entry } of taken) entry.isCalled = true;
    this.called += taken.length;
    return taken.map(({ key }) => key);
  }

  /** Called at once when it is no longer up. */
  private rest(entry: Waiting, now: MonoMs): void {
    entry.backoff.succeeded();
    if (!entry.isCalled) entry.dueAt = now;
  }
}
