/** What each source has said. The last answer stays until the source gives another one. */
import type { MonoMs } from '../../common/time.js';
import type { Proposal, Refusal } from './address-filter.js';

/**
 * Addresses of one source. A cluster is far smaller; a name that resolves to more is a mistake, and
 * is not to cost memory or calls without end.
 */
export const PROPOSALS_MAX = 2_048;

export type SourceState = 'starting' | 'answering' | 'failing';

export interface SourceStatus {
  readonly source: string;
  readonly state: SourceState;
  /** Since it last answered, even if it fails now; absent if it never did. */
  readonly answerAgeMs: number | undefined;
  /** Why it fails, while it does. */
  readonly fault: string | undefined;
  readonly proposed: number;
  /** Of the last answer, by the address filter. */
  readonly refused: number;
  /** Of the last answer, past the bound. */
  readonly dropped: number;
}

export interface SourceAnswer {
  /** By canonical address. */
  readonly proposed: ReadonlyMap<string, Proposal>;
  readonly refused: ReadonlyMap<string, Refusal>;
  readonly dropped: number;
}

const NOTHING: SourceAnswer = { proposed: new Map(), refused: new Map(), dropped: 0 };

interface SourcePage {
  answer: SourceAnswer;
  answeredAt: MonoMs | undefined;
  fault: string | undefined;
  /** The fault that was last told; an answer in part clears the fault for an instant, not this. */
  toldFault: string | undefined;
}

export class SourceBook {
  private readonly pages = new Map<string, SourcePage>();

  open(source: string): void {
    this.page(source);
  }

  answered(source: string, answer: SourceAnswer, now: MonoMs): void {
    const page = this.page(source);
    page.answer = answer;
    page.answeredAt = now;
    page.fault = undefined;
  }

  /** Whether that is news. */
  failed(source: string, fault: string): boolean {
    const page = this.page(source);
    page.fault = fault;
    const isNews = page.toldFault !== fault;
    page.toldFault = fault;
    return isNews;
  }

  /** Sources whose failure was told and is over; each is given once. */
  takeRecovered(): readonly string[] {
    const recovered = [...this.pages].filter(
      ([, { fault, toldFault }]) => fault === undefined && toldFault !== undefined,
    );
    for (const [, page] of recovered) page.toldFault = undefined;
    return recovered.map(([source]) => source);
  }

  answerOf(source: string): SourceAnswer {
    return this.pages.get(source)?.answer ?? NOTHING;
  }

  proposes(key: string): boolean {
    return [...this.pages.values()].some(({ answer }) => answer.proposed.has(key));
  }

  status(now: MonoMs): readonly SourceStatus[] {
    return [...this.pages].map(([source, { answer, answeredAt, fault }]) => ({
      source,
      state: fault !== undefined ? 'failing' : answeredAt === undefined ? 'starting' : 'answering',
      answerAgeMs: answeredAt === undefined ? undefined : now - answeredAt,
      fault,
      proposed: answer.proposed.size,
      refused: answer.refused.size,
      dropped: answer.dropped,
    }));
  }

  private page(source: string): SourcePage {
    let page = this.pages.get(source);
    if (page === undefined) {
      page = { answer: NOTHING, answeredAt: undefined, fault: undefined, toldFault: undefined };
      this.pages.set(source, page);
    }
    return page;
  }
}
