/**
 * Who could hear whom, and since when not: what was done to a cluster, by the clock of the machine that all
 * of it shares. From it follows how far back a decision may have been blind to what another run of a
 * replica had admitted, which is the `lag` of docs/consistency.md.
 */

/** One life of one replica, between its start and its end. */
export interface Run {
  readonly slot: string;
  readonly startedMs: number;
  /** Killed at that moment, with whatever it had told nobody. */
  killedMs?: number;
}

/** A pair that could not hear each other as it should, in that direction. */
interface Deafness {
  readonly from: string;
  readonly to: string;
  readonly startMs: number;
  endMs: number;
}

/** All messages took longer, by so much at most. */
interface Slowness {
  readonly extraMs: number;
  readonly startMs: number;
  endMs: number;
}

/** What is known of a decision that admitted. */
export interface DecisionTime {
  readonly run: Run;
  readonly sentMs: number;
  readonly answeredMs: number;
  /** How old the news was that it was decided with, as the answer says. */
  readonly newsMs: number | undefined;
}

export interface LagTerms {
  /** From the decision of a replica until what it says of it can be heard, apart from silence. */
  readonly wayMs: () => number;
  /**
   * What is taken for the age of news where an answer does not say it: one that has just come is not heard
   * yet, and the answer does not tell how it is with the others. Infinite: nothing is taken for known.
   */
  readonly untoldNewsMs: number;
}

export class FaultJournal {
  private readonly runs = new Map<string, Run[]>();
  private readonly deafness: Deafness[] = [];
  private readonly slowness: Slowness[] = [];

  constructor(private readonly terms: LagTerms) {}

  /** From that moment on, whoever answers in the name of the replica is another run. */
  started(slot: string, startedMs: number): void {
    const runs = this.runs.get(slot) ?? [];
    this.runs.set(slot, [...runs, { slot, startedMs }]);
  }

  killed(slot: string, killedMs: number): void {
    const last = this.runs.get(slot)?.at(-1);
    if (last !== undefined) last.killedMs = killedMs;
  }

  /** The pairs do not hear each other, from now until the function that it gives is called. */
  deaf(pairs: readonly (readonly [string, string])[], startMs: number): (endMs: number) => void {
    const begun = pairs.map(([from, to]) => ({
      from,
      to,
      startMs,
      endMs: Number.POSITIVE_INFINITY,
    }));
    this.deafness.push(...begun);
    return (endMs) => {
      for (const each of begun) each.endMs = endMs;
    };
  }

  /** The same for messages that take longer, between all. */
  slow(extraMs: number, startMs: number): (endMs: number) => void {
    const begun = { extraMs, startMs, endMs: Number.POSITIVE_INFINITY };
    this.slowness.push(begun);
    return (endMs) => {
      begun.endMs = endMs;
    };
  }

  runOf(slot: string, answeredMs: number): Run {
    const run = this.runs.get(slot)?.findLast(({ startedMs }) => startedMs <= answeredMs);
    if (run === undefined) throw new Error(`${slot} answered before it was started`);
    return run;
  }

  /** Whether anything was done to anybody in that time. */
  isDisturbed(fromMs: number, toMs: number): boolean {
    const kills = [...this.runs.values()].flat().map(({ killedMs }) => killedMs ?? 0);
    return (
      kills.some((ms) => ms >= fromMs && ms < toMs) ||
      [...this.deafness, ...this.slowness].some(
        ({ startMs, endMs }) => startMs < toMs && endMs >= fromMs,
      )
    );
  }

  /** Up to when, at least, what `source` had admitted was known to the decision. */
  heardUntil(source: Run, decision: DecisionTime): number {
    const { run, sentMs, answeredMs, newsMs } = decision;
    const wayMs = this.terms.wayMs();
    let heard = sentMs - (newsMs ?? this.terms.untoldNewsMs) - wayMs;
    const { killedMs } = source;
    if (killedMs !== undefined && killedMs <= answeredMs) heard = Math.min(heard, killedMs - wayMs);
    const between = this.deafness.filter(({ from, to }) => from === source.slot && to === run.slot);
    for (const { startMs, endMs } of between.toReversed())
      if (startMs <= answeredMs && endMs >= heard) heard = Math.min(heard, startMs - wayMs);
    return heard - this.extraMs(heard, answeredMs);
  }

  private extraMs(fromMs: number, toMs: number): number {
    const then = this.slowness.filter(({ startMs, endMs }) => startMs <= toMs && endMs >= fromMs);
    return Math.max(0, ...then.map(({ extraMs }) => extraMs));
  }
}
