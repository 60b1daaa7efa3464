/**
 * Over-admission against the bound of docs/consistency.md, window by window:
 *
 *     admitted by all  <=  L  +  sum over p != r of A_p(t - lag(p, r), t]
 *
 * where `r` decided last, at `t`. Callers see when a call was sent and when it was answered, not when it was
 * decided: every choice is the one that leaves the bound right, and makes it larger rather than smaller by
 * what a call takes.
 */
import type { DecisionTime, FaultJournal, Run } from './fault-journal.js';

/** A call that was let pass, as its caller saw it. Times are wall-clock milliseconds. */
export interface Admission {
  readonly limit: string;
  readonly windowStartMs: number;
  readonly slot: string;
  readonly sentMs: number;
  readonly answeredMs: number;
  readonly newsMs: number | undefined;
}

export interface WindowVerdict {
  readonly limit: string;
  readonly windowStartMs: number;
  readonly admitted: number;
  /** What the formula allows above the limit. */
  readonly allowedOver: number;
  /** Something was done to the cluster before its end, and not mended before its start. */
  readonly isDisturbed: boolean;
  /** Of a window above the bound: every admission, in the order of the answers. */
  readonly story?: readonly string[];
}

export interface LimitTerms {
  readonly maximum: number;
  readonly windowMs: number;
}

type Decided = Admission & DecisionTime;

export class Admissions {
  private readonly open = new Map<string, Admission[]>();

  constructor(
    private readonly terms: LimitTerms,
    private readonly journal: FaultJournal,
  ) {}

  add(admission: Admission): void {
    const key = `${admission.windowStartMs} ${admission.limit}`;
    const known = this.open.get(key);
    if (known === undefined) this.open.set(key, [admission]);
    else known.push(admission);
  }

  /** Judges the windows that ended before then, once each. */
  judge(beforeMs: number): readonly WindowVerdict[] {
    const verdicts: WindowVerdict[] = [];
    for (const [key, admissions] of this.open) {
      const [first] = admissions;
      if (first === undefined || first.windowStartMs + this.terms.windowMs > beforeMs) continue;
      this.open.delete(key);
      verdicts.push(this.verdictOn(first, admissions));
    }
    return verdicts;
  }

  private verdictOn(
    { limit, windowStartMs }: Admission,
    admissions: readonly Admission[],
  ): WindowVerdict {
    const { maximum, windowMs } = this.terms;
    const isDisturbed = this.journal.isDisturbed(windowStartMs, windowStartMs + windowMs);
    const admitted = admissions.length;
    const allowedOver = admitted > maximum ? this.allowedOver(admissions) : 0;
    const verdict = { limit, windowStartMs, admitted, allowedOver, isDisturbed };
    return admitted - maximum > allowedOver
      ? { ...verdict, story: storyOf(admissions, windowStartMs) }
      : verdict;
  }

  /** The largest that any call allows which may have been decided last. */
  private allowedOver(admissions: readonly Admission[]): number {
    const decided = admissions.map((each) => ({
      ...each,
      run: this.journal.runOf(each.slot, each.answeredMs),
    }));
    const lastSentMs = Math.max(...decided.map(({ sentMs }) => sentMs));
    const mayBeLast = decided.filter(({ answeredMs }) => answeredMs >= lastSentMs);
    return Math.max(...mayBeLast.map((last) => this.unheardBy(last, decided)));
  }

  private unheardBy(last: Decided, decided: readonly Decided[]): number {
    const heardUntil = new Map<Run, number>();
    let unheard = 0;
    for (const { run, answeredMs } of decided) {
      if (run === last.run) continue;
      const heard = heardUntil.get(run) ?? this.journal.heardUntil(run, last);
      heardUntil.set(run, heard);
      if (answeredMs > heard) unheard += 1;
    }
    return unheard;
  }
}

const storyOf = (admissions: readonly Admission[], startMs: number): readonly string[] =>
  admissions
    .toSorted((a, b) => a.answeredMs - b.answeredMs)
    .map(
      ({ slot, sentMs, answeredMs, newsMs }) =>
        `${slot} ${sentMs - startMs}..${answeredMs - startMs} news ${newsMs ?? 'unknown'}`,
    );
