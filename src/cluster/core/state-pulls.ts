/**
 * Asks peers for what they know of sources that cannot be heard directly: runs that are over, and replicas
 * behind a broken link. Page by page, one peer for each source; a page that gets lost is asked for again.
 */
import { type KnownSource, type Source, sourceKey, type State } from './peer-message.js';
import type { OutboundLink } from './outbound-link.js';
import type { ReplicationContext } from './replication-context.js';
import type { Instant } from './replication-input.js';

interface Pull {
  readonly source: Source;
  readonly peerId: string;
  /** How far the peer knows the source. */
  through: number;
  cursor: number;
  /** Of the first page: what the peer has merged later may be missing from it. */
  claimed: number | undefined;
  /** When to ask again; 0: not asked yet. */
  due: number;
}

/** At once; others wait. */
const PULLS_MAX = 8;

export class StatePulls {
  private readonly pulls = new Map<string, Pull>();

  constructor(
    private readonly context: ReplicationContext,
    private readonly linkTo: (peerId: string) => OutboundLink | undefined,
  ) {}

  get isIdle(): boolean {
    return this.pulls.size === 0;
  }

  /** A peer knows more of a source than we do, and we cannot hear it. */
  want(peerId: string, { source, through }: KnownSource): void {
    const key = sourceKey(source);
    const known = this.pulls.get(key);
    if (known !== undefined && known.through >= through) return;
    if (this.pulls.size >= this.context.options.sourcesMax && known === undefined) return;
    this.pulls.set(key, { source, peerId, through, cursor: 0, claimed: undefined, due: 0 });
  }

  tick(now: Instant): void {
    let active = 0;
    for (const [key, pull] of this.pulls) {
      const isKnown = this.context.known.throughOf(pull.source) >= pull.through;
      const link = this.linkTo(pull.peerId);
      if (isKnown || link === undefined) this.pulls.delete(key);
      else if (link.isOpen && active < PULLS_MAX) {
        active += 1;
        if (now.mono >= pull.due) this.ask(pull, link, now);
      }
    }
  }

  answered(state: State, now: Instant): void {
    const key = sourceKey(state.source);
    const pull = this.pulls.get(key);
    if (pull === undefined || pull.cursor !== state.cursor) return;
    const arrival = { source: pull.source, isState: true, gapMs: 0 };
    const outcome = this.context.store.merge(state.entries, arrival, now.wall);
    if (!outcome.isSound) this.context.notice('bad-message', pull.peerId, 'state');
    if (outcome.refused > 0)
      this.context.notice('counters-full', pull.peerId, `${outcome.refused} entries`);
    pull.claimed ??= state.through;
    if (state.nextCursor === undefined) {
      this.pulls.delete(key);
      this.context.known.raise(pull.source, pull.claimed);
      return;
    }
    pull.cursor = state.nextCursor;
    pull.due = 0;
    const link = this.linkTo(pull.peerId);
    if (link?.isOpen === true) this.ask(pull, link, now);
  }

  private ask(pull: Pull, link: OutboundLink, now: Instant): void {
    pull.due = now.mono + this.context.options.retransmitMs;
    link.send({ kind: 'stateRequest', source: pull.source, cursor: pull.cursor });
  }
}
