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
  /** How long nothing has come from it; undefined if it has no stream to us. */
  readonly silenceMs: number | undefined;
  readonly rttMs: number | undefined;
  /** By how much its clock is ahead of ours. */
  readonly clockSkewMs: number | undefined;
}

export function viewOf(
  { id, region }: PeerMember,
  link: OutboundLink | undefined,
  silenceMs: number | undefined,
): PeerView {
  const clock = link?.clock.best;
  const measured = { rttMs: clock?.rttMs, clockSkewMs: clock?.skewMs };
  return { peerId: id, region, link: link?.state, silenceMs, ...measured };
}

/** How old the news of the most silent of these is; undefined: one was never heard. */
export function freshnessOf(
  members: readonly PeerMember[],
  inbound: InboundStreams,
  now: Instant,
): number | undefined {
  let oldest = 0;
  for (const { id } of members) {
    const silence = inbound.silenceOf(id, now);
    if (silence === undefined) return undefined;
    oldest = Math.max(oldest, silence);
  }
  return oldest;
}
