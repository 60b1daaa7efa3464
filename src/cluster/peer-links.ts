import type { LinkState } from './core/replication-effect.js';
import type { WallMs } from '../common/time.js';

/** What became of the stream to one peer. */
export interface PeerLinkStatus {
  readonly state: LinkState;
  /** Why it is closed or refused, for people; else empty. */
  readonly detail: string;
  readonly since: WallMs;
  /** When it was last open, or first looked for. */
  readonly brokenAt: WallMs;
}

/**
 * The streams to the peers as health, metrics and `ListMembers` show them. A peer that gossip sees and
 * that cannot be told is the silent half of a cluster: it has to be seen at a glance.
 */
export class PeerLinks {
  private readonly links = new Map<string, PeerLinkStatus>();

  set(peerId: string, state: LinkState, detail: string, now: WallMs): void {
    const known = this.links.get(peerId);
    const since = known?.state === state ? known.since : now;
    const brokenAt = known === undefined || known.state === 'open' ? now : known.brokenAt;
    this.links.set(peerId, { state, detail, since, brokenAt });
  }

  forget(peerId: string): void {
    this.links.delete(peerId);
  }

  of(peerId: string): PeerLinkStatus | undefined {
    return this.links.get(peerId);
  }

  /** Names of the peers with which no counts have been exchanged since then, in order. */
  unlinked(since: number = Number.POSITIVE_INFINITY): readonly string[] {
    return [...this.links]
      .filter(([, link]) => link.state !== 'open' && link.brokenAt <= since)
      .map(([peerId]) => peerId)
      .toSorted();
  }

  /** How many links are in each state. */
  counts(): Readonly<Record<LinkState, number>> {
    const counts = { connecting: 0, open: 0, stalled: 0, closed: 0, refused: 0 };
    for (const { state } of this.links.values()) counts[state]++;
    return counts;
  }
}
