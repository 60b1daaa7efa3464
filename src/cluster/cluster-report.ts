import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import type { LinkState } from './core/replication-effect.js';
import { MembershipService } from './membership.service.js';
import { ReplicationDriver } from './replication.driver.js';
import { isUp, type Replica } from './replica.js';

/** What this replica tells one peer, and hears of it. */
export interface PeerReport {
  /** Undefined: it needs no stream to it. */
  readonly link: LinkState | undefined;
  readonly linkDetail: string;
  readonly freshnessMs: number | undefined;
  readonly clockSkewMs: number | undefined;
}

/** What is not well among the others. */
export interface ClusterAilments {
  readonly silentReplicas: number;
  readonly disagreeingReplicas: number;
  /** Names of those that gossip sees and with which no counts are exchanged. */
  readonly unlinkedReplicas: readonly string[];
}

/** A stream that has only just broken is mended before anybody could act on it. */
const LINK_GRACE_MS = 2_000;

const NOTHING_KNOWN: PeerReport = {
  link: undefined,
  linkDetail: '',
  freshnessMs: undefined,
  clockSkewMs: undefined,
};

/** The cluster as health, metrics and operators see it from here: members, and the streams to them. */
@Injectable()
export class ClusterReport {
  constructor(
    readonly membership: MembershipService,
    readonly replication: ReplicationDriver,
    private readonly clock: Clock,
  ) {}

  ailments(): ClusterAilments {
    return { ...this.membership.ailments(), unlinkedReplicas: this.unlinked() };
  }

  peer({ name, isSelf }: Replica): PeerReport {
    if (isSelf) return NOTHING_KNOWN;
    const view = this.replication.peers().find(({ peerId }) => peerId === name);
    if (view === undefined) return NOTHING_KNOWN;
    const { link, ageMs: freshnessMs, clockSkewMs } = view;
    const linkDetail = this.replication.links.of(name)?.detail ?? '';
    return { link, linkDetail, freshnessMs, clockSkewMs };
  }

  private unlinked(): readonly string[] {
    const up = new Set(
      this.membership
        .replicas()
        .filter(isUp)
        .map(({ name }) => name),
    );
    const before = this.clock.wallNow() - LINK_GRACE_MS;
    return this.replication.links.unlinked(before).filter((name) => up.has(name));
  }
}
