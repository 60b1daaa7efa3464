/**
 * The addresses behind several names. Each name keeps its own last answer: one whose server fails
 * keeps its addresses while the others move on, and an answer in part only adds to them.
 */
import type { Proposal } from './address-filter.js';

export interface NameOutcome {
  readonly peers: readonly Proposal[];
  /** Of the shortest-lived record, where the resolver tells. */
  readonly ttlSeconds?: number;
  /** In one line for an operator; absent if all went well. */
  readonly fault?: string;
  /** Whether the answer is the whole truth: a name that does not exist is, a server that failed is not. */
  readonly isWhole: boolean;
}

export class NameAnswers {
  private readonly peersOf = new Map<string, readonly Proposal[]>();

  take(name: string, { peers, isWhole }: NameOutcome): void {
    const before = this.peersOf.get(name) ?? [];
    this.peersOf.set(name, isWhole ? peers : union(before, peers));
  }

  all(): readonly Proposal[] {
    return [...this.peersOf.values()].flat();
  }
}

function union(before: readonly Proposal[], now: readonly Proposal[]): readonly Proposal[] {
  const known = new Set(before.map(({ host, port }) => `${host} ${port}`));
  return [...before, ...now.filter(({ host, port }) => !known.has(`${host} ${port}`))];
}
