import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { ReservationAnswer, ReservationChange } from './core/reservation-change.js';
import { MembershipService } from './membership.service.js';
import { peerAddressOf, PeerTransport } from './peer-transport.js';
import { isUp, type Replica } from './replica.js';
import { ReplicaIdentity } from './replica-identity.js';

/** A replica that has not answered by then is not waited for. */
const ANSWER_MAX_MS = 2_000;

/** What must not be forgotten is told again after so long, as long as the replica is a member. */
const AGAIN_MS = 1_000;
/** At most that often; a late settle is not taken for longer either. */
const TRIES_MAX = 120;
/** Waiting to be told; more is forgotten, and counted. */
const WAITING_MAX = 10_000;

export type PeerAnswer =
  | { readonly kind: 'answered'; readonly answer: ReservationAnswer }
  /** That run is over, with what it had in memory. */
  | { readonly kind: 'gone' }
  /** It is a member and has not answered. */
  | { readonly kind: 'silent' };

export type FoundReservation =
  | {
      readonly kind: 'found';
      readonly bootId: string;
      readonly answer: Exclude<ReservationAnswer, { kind: 'unknown' }>;
    }
  /** `isSure`: all that are members have answered. */
  | { readonly kind: 'nowhere'; readonly isSure: boolean };

/** Asks other replicas for the reservations of limits that they keep in memory (ADR 0045). */
@Injectable()
export class ReservationPeers implements OnModuleDestroy {
  private readonly timers = new Set<NodeJS.Timeout>();
  private isStopped = false;
  private forgotten: () => void = () => undefined;

  constructor(
    private readonly membership: MembershipService,
    private readonly transport: PeerTransport,
    private readonly identity: ReplicaIdentity,
  ) {}

  onModuleDestroy(): void {
    this.isStopped = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }

  /** Who answers what peers ask. */
  onQuestion(answer: (change: ReservationChange) => ReservationAnswer): void {
    this.transport.onQuestion((question) =>
      question.bootId === this.identity.facts.bootId ? answer(question) : { kind: 'unknown' },
    );
  }

  /** Told of each change that could not be told. */
  onForgotten(listener: () => void): void {
    this.forgotten = listener;
  }

  /** Never rejects. */
  async ask(bootId: string, change: ReservationChange): Promise<PeerAnswer> {
    const peer = this.peers().find(({ facts }) => facts?.bootId === bootId);
    const address = peer && peerAddressOf(peer);
    if (address === undefined) return { kind: 'gone' };
    try {
      const question = { ...change, bootId };
      const answer = await this.transport.ask(address, question, ANSWER_MAX_MS);
      return { kind: 'answered', answer };
    } catch {
      // It may be dead already, or only slow: who is a member is for gossip to say.
      return { kind: 'silent' };
    }
  }

  /** For a reservation of which only the caller's key is known: all are asked at once. Never rejects. */
  async askAll(change: ReservationChange): Promise<FoundReservation> {
    const asked = this.peers().flatMap(({ facts }) => facts?.bootId ?? []);
    const answers = await Promise.all(asked.map((bootId) => this.ask(bootId, change)));
    for (const [i, reached] of answers.entries()) {
      const bootId = asked[i];
      if (bootId === undefined || reached.kind !== 'answered') continue;
      const { answer } = reached;
      if (answer.kind !== 'unknown') return { kind: 'found', bootId, answer };
    }
    return { kind: 'nowhere', isSure: answers.every(({ kind }) => kind !== 'silent') };
  }

  /** Resolves after the first try; if that was in vain, it is told again while the replica is a member. */
  async tell(bootId: string, change: ReservationChange): Promise<void> {
    if (await this.isTold(bootId, change)) return;
    this.again(bootId, change, TRIES_MAX);
  }

  private async isTold(bootId: string, change: ReservationChange): Promise<boolean> {
    const { kind } = await this.ask(bootId, change);
    if (kind === 'gone') this.forgotten();
    return kind !== 'silent';
  }

  private again(bootId: string, change: ReservationChange, tries: number): void {
    if (tries === 0 || this.isStopped || this.timers.size >= WAITING_MAX) {
      this.forgotten();
      return;
    }
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      void this.retry(bootId, change, tries - 1);
    }, AGAIN_MS);
    this.timers.add(timer.unref());
  }

  private async retry(bootId: string, change: ReservationChange, tries: number): Promise<void> {
    if (!(await this.isTold(bootId, change))) this.again(bootId, change, tries);
  }

  private peers(): readonly Replica[] {
    return this.membership.replicas().filter((replica) => !replica.isSelf && isUp(replica));
  }
}
