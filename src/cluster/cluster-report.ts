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
  /** Suspected, or dead and not yet forgotten. */
  readonly silentReplicas: number;
  /** Those with which no counts are exchanged because they differ. */
  readonly differingReplicas: readonly DifferingReplica[];
  /** Names of the others that gossip sees and with which no counts are exchanged. */
  readonly unlinkedReplicas: readonly string[];
}

export interface DifferingReplica {
  readonly name: string;
  /** `settings: NAME, NAME` as a refusal names them; only `settings` if gossip alone tells. */
  readonly differsIn: string;
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
    const others = this.membership.replicas().filter(({ isSelf }) => !isSelf);
    const differing = others.filter(isUp).flatMap((replica) => this.differenceOf(replica));
    const named = new Set(differing.map(({ name }) => name));
    return {
      silentReplicas: others.filter(isSilent).length,
      differingReplicas: differing,
      unlinkedReplicas: this.unlinked(others).filter((name) => !named.has(name)),
    };
  }

  peer({ name, isSelf }: Replica): PeerReport {
    if (isSelf) return NOTHING_KNOWN;
    const view = this.replication.peers().find(({ peerId }) => peerId === name);
    if (view === undefined) return NOTHING_KNOWN;
    const { link, ageMs: freshnessMs, clockSkewMs } = view;
    const linkDetail = this.replication.links.of(name)?.detail ?? '';
    return { link, linkDetail, freshnessMs, clockSkewMs };
  }

  private differenceOf(replica: Replica): readonly DifferingReplica[] {
    const { name } = replica;
    const link = this.replication.links.of(name);
    if (link?.state === 'refused') return [{ name, differsIn: link.detail }];
    return this.membership.disagrees(replica) ? [{ name, differsIn: 'settings' }] : [];
  }

  private unlinked(others: readonly Replica[]): readonly string[] {
    const up = new Set(others.filter(isUp).map(({ name }) => name));
    const before = this.clock.wallNow() - LINK_GRACE_MS;
    return this.replication.links.unlinked(before).filter((name) => up.has(name));
  }
}

const isSilent = ({ state }: Replica): boolean => state === 'suspect' || state === 'dead';
