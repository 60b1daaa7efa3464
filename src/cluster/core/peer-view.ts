import type { InboundStreams } from './inbound-streams.js';
import type { OutboundLink } from './outbound-link.js';
import type { LinkState } from './replication-effect.js';
import type { Instant, PeerMember } from './replication-input.js';

/** What is known of a peer, for health, metrics and ListMembers. */
export interface PeerView {
  readonly peerId: string;
  readonly region: string;
  /** Undefined: this replica needs no stream to it. */
  readonly link: LinkState | undefined;
  /** How old what is known of it is; undefined if it never told all. */
  readonly ageMs: number | undefined;
  readonly rttMs: number | undefined;
  /** By how much its clock is ahead of ours. */
  readonly clockSkewMs: number | undefined;
}

export function viewOf(
  { id, region }: PeerMember,
  link: OutboundLink | undefined,
  ageMs: number | undefined,
): PeerView {
  const clock = link?.clock.best;
  const measured = { rttMs: clock?.rttMs, clockSkewMs: clock?.skewMs };
  return { peerId: id, region, link: link?.state, ageMs, ...measured };
}

/** How old what is known of these is, of the one that is known worst; undefined: one never told all. */
export function freshnessOf(
  members: readonly PeerMember[],
  inbound: InboundStreams,
  now: Instant,
): number | undefined {
  let oldest = 0;
  for (const { id } of members) {
    const ageMs = inbound.ageOf(id, now);
    if (ageMs === undefined) return undefined;
    oldest = Math.max(oldest, ageMs);
  }
  return oldest;
}
