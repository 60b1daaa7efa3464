/**
 * What must have drained each replica's token buckets, of buckets that are only taken from: its own takes, and
 * what it was told of others, each at the moment when it was taken, as if no refill was ever lost. A real bucket
 * drains when it hears, and spares what it lost for being full (ADR 0122): so it is never emptier than it should be,
 * and fuller by a second of refill at most.
 *
 * Where the bound (`docs/consistency.md`) allows for more, this view has less: a silence of more than a second
 * spares what was taken in it, up to its refill; history comes as the level of who tells it, by its clock; and a
 * clock that jumps ahead refills at once.
 */
import type { BucketSpec } from '../../../src/counters/core/counter.js';
import type { Delta } from '../../../src/cluster/core/peer-message.js';
import type { Replica } from './simulated-replicas.js';
import { runOf } from './truth.js';

interface Take {
  readonly run: string;
  readonly at: number;
  readonly amount: number;
}

/** Something that was heard: history raises the level to what was told, a silence lowers it. */
interface Turn {
  readonly at: number;
  readonly toldLevel: number;
  readonly spared: number;
}

/** From then on a clock was set, and had jumped ahead by so much in all. One that is set back may go on or wait. */
interface ClockStep {
  readonly at: number;
  readonly skewMs: number;
  readonly aheadMs: number;
}

interface Span {
  readonly run: string;
  readonly from: number;
  readonly until: number;
}

interface View {
  readonly clock: ClockStep[];
  /** By run: takes before then are known. */
  readonly heard: Map<string, number>;
  /** By run: takes before then may be known, though something before them was lost; and before the last message. */
  readonly seen: Map<string, number>;
  seenBefore: ReadonlyMap<string, number>;
  /** Takes that came as history, or may have: they are part of a level that was told. */
  readonly history: Span[];
  /** By peer and feed: when its last message was sent, on its clock. */
  readonly toldAt: Map<string, number>;
  readonly turns: Turn[];
  isOpen: boolean;
}

/** What has been taken in, whatever was lost before it. */
export interface Receipt {
  /** Of which runs it may tell. */
  readonly runs: readonly string[];
  readonly isState: boolean;
  readonly sentAt: number;
}

/** One that leaves nothing out, and nothing was lost before it. */
export interface Hearing {
  readonly message: Delta;
  readonly from: string;
  /** How far each run that it tells of is known by it. */
  readonly upTo: ReadonlyMap<string, number>;
  readonly now: number;
  readonly wallMs: number;
}

/** What was longer ago has been refilled, but for debts: for them this is less than it could be. */
const LOOKED_BACK_MS = 10_000;
const SILENCE_MS = 1_000;

/** In a second: so much fuller may a bucket be than its view, for what it had lost (ADR 0122). */
export const refillOf = ({ refillAmount, refillMs }: BucketSpec): number =>
  (refillAmount * SILENCE_MS) / refillMs;

export class BucketViews {
  private readonly takes: Take[] = [];
  private readonly views = new Map<string, View>();
  /** Of messages that tell history: the level of the sender then. */
  private readonly levels = new WeakMap<Delta, number>();
  private readonly perMs: number;

  constructor(readonly bucket: BucketSpec) {
    this.perMs = bucket.refillAmount / bucket.refillMs;
  }

  began({ source, skewMs }: Replica, now: number): void {
    const clock = [{ at: now, skewMs, aheadMs: 0 }];
    const maps = { heard: new Map(), seen: new Map(), seenBefore: new Map(), toldAt: new Map() };
    this.views.set(runOf(source), { clock, ...maps, history: [], turns: [], isOpen: false });
  }

  skewed({ source, skewMs }: Replica, now: number): void {
    const clock = this.views.get(runOf(source))?.clock;
    const last = clock?.at(-1);
    if (last === undefined) return;
    clock?.push({ at: now, skewMs, aheadMs: last.aheadMs + Math.max(0, skewMs - last.skewMs) });
  }

  took({ source }: Replica, amount: number, now: number): void {
    this.takes.push({ run: runOf(source), at: now, amount });
    const view = this.views.get(runOf(source));
    if (view !== undefined) view.isOpen = true;
  }

  sent(from: Replica, message: Delta, now: number): void {
    if (message.isState && message.entries.length > 0)
      this.levels.set(message, this.levelOf(from, now));
  }

  /** What opens a bucket comes as a level, as does what is told to one that is new, or by one that is. */
  received({ source }: Replica, { runs, isState, sentAt }: Receipt): void {
    const view = this.views.get(runOf(source));
    if (view === undefined) return;
    view.seenBefore = new Map(view.seen);
    for (const run of runs) view.seen.set(run, Math.max(sentAt, view.seen.get(run) ?? 0));
    const spans = runs.map((run) => ({ run, from: view.heard.get(run) ?? 0, until: sentAt }));
    const opens = !view.isOpen && spans.some((span) => this.takenIn(span) > 0);
    if (isState || opens) view.history.push(...spans);
    view.isOpen ||= opens;
  }

  heard({ source }: Replica, { message, from, upTo, now, wallMs }: Hearing): void {
    const view = this.views.get(runOf(source));
    if (view === undefined) return;
    const feed = `${from} ${message.feed}`;
    const ownGapMs = message.sentAtMs - (view.toldAt.get(feed) ?? message.sentAtMs);
    const gapMs = Math.max(ownGapMs, message.silenceMs);
    view.toldAt.set(feed, Math.max(message.sentAtMs, view.toldAt.get(feed) ?? 0));
    let isNews = false;
    let spared = 0;
    for (const [run, until] of upTo) {
      const before = view.heard.get(run) ?? 0;
      if (until <= before || run === runOf(source)) continue;
      view.heard.set(run, until);
      const taken = this.takenIn({ run, from: before, until });
      if (gapMs > SILENCE_MS) spared += Math.min(taken, gapMs * this.perMs);
      const unseen = Math.max(before, view.seenBefore.get(run) ?? 0);
      isNews ||= this.takenIn({ run, from: unseen, until }) > 0;
    }
    const agedMs = Math.max(0, wallMs - message.sentAtMs);
    // A level comes with what is news of a run, or not at all.
    const toldLevel = isNews ? (this.levels.get(message) ?? 0) - agedMs * this.perMs : 0;
    if (toldLevel > 0 || spared > 0) view.turns.push({ at: now, toldLevel, spared });
  }

  /** What a replica must count as missing from the bucket, but for what may be spared. */
  levelOf({ source }: Replica, now: number): number {
    const run = runOf(source);
    const view = this.views.get(run);
    if (view === undefined) return 0;
    let level = 0;
    let at = now - LOOKED_BACK_MS;
    let next = view.turns.findIndex((turn) => turn.at >= at);
    if (next < 0) next = view.turns.length;
    const passTo = (then: number): void => {
      level = Math.max(0, level - this.perMs * (readAt(view.clock, then) - readAt(view.clock, at)));
      at = then;
    };
    const turnUntil = (then: number): void => {
      for (let turn = view.turns[next]; turn !== undefined && turn.at <= then;) {
        passTo(turn.at);
        level = Math.max(0, level - turn.spared, turn.toldLevel);
        turn = view.turns[++next];
      }
    };
    for (let i = this.firstAfter(at); i < this.takes.length; i++) {
      const take = this.takes[i];
      if (take === undefined || !isKnown(view, take, run)) continue;
      turnUntil(take.at);
      passTo(take.at);
      level += take.amount;
    }
    turnUntil(now);
    passTo(now);
    return level;
  }

  private takenIn({ run, from, until }: Span): number {
    let taken = 0;
    for (let i = this.takes.length - 1; i >= 0; i--) {
      const take = this.takes[i];
      if (take === undefined || take.at < from) break;
      if (take.run === run && take.at < until) taken += take.amount;
    }
    return taken;
  }

  private firstAfter(at: number): number {
    let i = this.takes.length;
    while (i > 0 && (this.takes[i - 1]?.at ?? 0) >= at) i -= 1;
    return i;
  }
}

function isKnown(view: View, { run, at }: Take, self: string): boolean {
  if (run === self) return true;
  if (at >= (view.heard.get(run) ?? 0)) return false;
  return !view.history.some((span) => span.run === run && at >= span.from && at < span.until);
}

/** What a clock that never runs backwards says at a moment, at most. */
function readAt(clock: readonly ClockStep[], at: number): number {
  let i = clock.length - 1;
  while (i > 0 && (clock[i]?.at ?? 0) > at) i -= 1;
  return at + (clock[i]?.aheadMs ?? 0);
}
