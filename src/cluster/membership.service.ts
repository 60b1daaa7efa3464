import { Injectable, Optional } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { type WallMs, wallMs } from '../common/time.js';
import { addressText } from '../common/ip-address.js';
import type { MemberEventKind, MemberView } from '../gossip/core/member-event.js';
import { decodeMemberMeta } from '../gossip/core/member-meta.js';
import { GossipService } from '../gossip/gossip.service.js';
import { ClusterDelegate } from './cluster-delegate.js';
import { ReplicaIdentity } from './replica-identity.js';
import type { Replica, ReplicaFacts, ReplicaPorts } from './replica.js';

/** How the gossip of this replica is doing. */
export interface GossipStatus {
  /** How much it doubts itself; 0 is healthy. */
  readonly healthScore: number;
  readonly queuedBroadcasts: number;
  readonly queuedMessages: number;
  readonly isSealed: boolean;
  /** Since the start, by name. */
  readonly counts: Readonly<Record<string, number>>;
}

/** Who counts together. A replica that runs alone is a cluster of one. */
@Injectable()
export class MembershipService {
  private ports: ReplicaPorts = { grpc: 0, http: 0, peer: 0 };
  private readonly startedAt: WallMs;

  constructor(
    private readonly identity: ReplicaIdentity,
    private readonly clock: Clock,
    private readonly delegate: ClusterDelegate,
    @Optional() private readonly gossip?: GossipService,
  ) {
    this.startedAt = clock.wallNow();
  }

  get isClustered(): boolean {
    return this.gossip !== undefined;
  }

  get settingsHash(): string {
    return this.identity.facts.settingsHash;
  }

  /** This replica's servers have their ports; whoever asks is told. */
  servesOn(ports: ReplicaPorts): void {
    this.ports = ports;
  }

  /** This one. */
  self(): Replica {
    const { gossip } = this;
    return gossip?.isRunning === true ? this.replicaOf(gossip.self.member) : this.alone();
  }

  /** All that are known, this one and the dead included, by name. */
  replicas(): readonly Replica[] {
    const { gossip } = this;
    if (gossip?.isRunning !== true) return [this.alone()];
    const replicas = gossip.members().map((member) => this.replicaOf(member));
    return replicas.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Told in the order of what happened, this replica's own changes included. */
  onChange(listener: (replica: Replica, kind: MemberEventKind) => void): void {
    this.delegate.onEvent(({ kind, member }) => listener(this.replicaOf(member), kind));
  }

  /** Whether it says that its settings give counts another meaning; on which they differ, streams tell. */
  disagrees({ facts }: Replica): boolean {
    return facts !== undefined && facts.settingsHash !== this.settingsHash;
  }

  /** Undefined: it does not run. */
  gossipStatus(): GossipStatus | undefined {
    const { gossip } = this;
    if (gossip?.isRunning !== true) return undefined;
    return {
      healthScore: gossip.self.healthScore,
      ...gossip.load,
      isSealed: gossip.keyring.primary !== undefined,
      counts: gossip.counters(),
    };
  }

  private replicaOf(member: MemberView): Replica {
    const { name, port, state, stateSince, incarnation, rttMs, routable } = member;
    return {
      name,
      host: addressText(member.addr),
      gossipPort: port,
      state,
      stateSince: wallMs(this.clock.wallNow() - (this.clock.monoNow() - stateSince)),
      incarnation,
      rttMs,
      routable,
      isSelf: name === this.identity.name,
      facts: factsOf(member),
    };
  }

  private alone(): Replica {
    const { name, facts } = this.identity;
    return {
      name,
      host: '',
      gossipPort: 0,
      state: 'alive',
      stateSince: this.startedAt,
      incarnation: 0,
      rttMs: undefined,
      routable: true,
      isSelf: true,
      facts: { ...facts, ports: this.ports },
    };
  }
}

function factsOf({ meta }: MemberView): ReplicaFacts | undefined {
  const found = decodeMemberMeta(meta);
  if (found === undefined) return undefined;
  const { grpcPort: grpc, httpPort: http, peerPort: peer, ...facts } = found;
  return { ...facts, ports: { grpc, http, peer } };
}
