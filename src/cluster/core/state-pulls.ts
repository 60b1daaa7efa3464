/**
 * Asks peers for what they know of sources that cannot be heard directly: runs that are over, and replicas
 * behind a broken link. Page by page; a page that gets lost is asked for again.
 *
 * A source that died while it told something may have been heard in part, and by each peer in another
 * part: then every peer is asked, once for what it says that it has seen. Relays ask each other too: so a
 * region gets back what only another one remembers of it (ADR 0123).
 */
import { type KnownSource, type Source, sourceKey, type State } from './peer-message.js';
import type { OutboundLink } from './outbound-link.js';
import type { ReplicationContext } from './replication-context.js';
import type { Instant, PeerMember } from './replication-input.js';

interface Pull {
  readonly source: Source;
  readonly peerId: string;
  /** How far the peer knows the source. */
  readonly through: number;
  readonly seen: number;
  /** Of another region, which does not know what counts in ours only. */
  readonly isFar: boolean;
  cursor: number;
  /** Of the first page: what the peer has merged later may be missing from it. */
  claimed: number | undefined;
  isAsked: boolean;
  /** When to ask, or to ask again. */
  due: number;
}

const keyOf = (peerId: string, source: Source): string => `${peerId}\0${sourceKey(source)}`;

/** At once; others wait. */
const PULLS_MAX = 8;

export class StatePulls {
  private readonly pulls = new Map<string, Pull>();
  /** What peers were asked for and have answered. */
  private readonly done = new Map<string, number>();

  constructor(
    private readonly context: ReplicationContext,
    private readonly linkTo: (peerId: string) => OutboundLink | undefined,
    /** Whether a source tells us itself. */
    private readonly hears: (source: Source, now: Instant) => boolean,
  ) {}

  get isIdle(): boolean {
    return this.pulls.size === 0;
  }

  /** What a peer knows better than we do, and we cannot hear, is to be asked for. */
  compare(peer: PeerMember, known: readonly KnownSource[], now: Instant): void {
    const { self } = this.context.options;
    const isFar = peer.region !== self.region;
    const selfKey = sourceKey(self);
    for (const each of known) {
      const { source } = each;
      if (sourceKey(source) === selfKey || this.hears(source, now)) continue;
      // A relay tells us its whole region itself.
      if (isFar && source.region === peer.region) continue;
      this.want({ peerId: peer.id, isFar }, each, now.mono + this.patienceMs(source, isFar));
    }
  }

  tick(now: Instant): void {
    let active = 0;
    for (const [key, pull] of this.pulls) {
      const isKnown =
        this.context.known.throughOf(pull.source) >= Math.max(pull.through, pull.seen);
      const link = this.linkTo(pull.peerId);
      if (isKnown || link === undefined) this.pulls.delete(key);
      else if (link.isOpen && (pull.isAsked || now.mono >= pull.due) && active < PULLS_MAX) {
        active += 1;
        if (now.mono >= pull.due) this.ask(pull, link, now);
      }
    }
  }

  answered(peerId: string, state: State, now: Instant): void {
    const key = keyOf(peerId, state.source);
    const pull = this.pulls.get(key);
    if (pull === undefined || pull.cursor !== state.cursor) return;
    const arrival = { source: pull.source, isState: true, gapMs: 0 };
    const outcome = this.context.store.merge(state.entries, arrival, now.wall);
    if (!outcome.isSound) this.context.notice('bad-message', pull.peerId, 'state');
    if (outcome.refused > 0)
      this.context.notice('counters-full', pull.peerId, `${outcome.refused} entries`);
    pull.claimed ??= pull.isFar ? 0 : state.through;
    if (state.nextCursor === undefined) {
      this.finish(key, pull, pull.claimed);
      return;
    }
    pull.cursor = state.nextCursor;
    pull.due = now.mono;
    const link = this.linkTo(pull.peerId);
    if (link?.isOpen === true) this.ask(pull, link, now);
  }

  /** What somebody else tells us anyhow may be on its way. */
  private patienceMs({ region }: Source, isFar: boolean): number {
    const { self, digestIntervalMs, retransmitMs } = this.context.options;
    if (region !== self.region) return digestIntervalMs;
    return isFar ? retransmitMs : 0;
  }

  private want(
    { peerId, isFar }: { peerId: string; isFar: boolean },
    { source, through, seen }: KnownSource,
    due: number,
  ): void {
    const key = keyOf(peerId, source);
    const known = this.context.known.throughOf(source);
    if (Math.max(through, seen) <= known || this.done.get(key) === seen) return;
    if (this.pulls.has(key) || this.pulls.size >= this.context.options.sourcesMax) return;
    const pull = { source, peerId, isFar, through, seen, due };
    this.pulls.set(key, { ...pull, cursor: 0, claimed: undefined, isAsked: false });
  }

  private finish(key: string, { source, seen }: Pull, through: number): void {
    this.pulls.delete(key);
    if (this.done.size >= this.context.options.sourcesMax * PULLS_MAX) this.done.clear();
    this.done.set(key, seen);
    this.context.known.raise(source, through, seen);
  }

  private ask(pull: Pull, link: OutboundLink, now: Instant): void {
    pull.isAsked = true;
    pull.due = now.mono + this.context.options.retransmitMs;
    link.send({ kind: 'stateRequest', source: pull.source, cursor: pull.cursor });
  }
}
