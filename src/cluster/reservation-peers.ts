import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type {
  HandedReservation,
  HandedReservations,
  ReservationAnswer,
  ReservationChange,
  TakenOver,
} from './core/reservation-change.js';
import { MembershipService } from './membership.service.js';
import { type HandedOver, HandOver } from './hand-over.js';
import { nothingKnown, type PeerAddress, peerAddressOf, PeerTransport } from './peer-transport.js';
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

/** What this replica keeps for others to ask about, and takes over of those that leave. */
export interface ReservationKeeper {
  change(change: ReservationChange): ReservationAnswer;
  /**
   * Gives which of its places count here from now on, by their old numbers. Undefined: there is no room for it, or it
   * makes no sense.
   */
  takeOver(handed: HandedReservation): readonly number[] | undefined;
  /** The same of a copy of a reservation that the ledger keeps. */
  takeOverCopy(handed: HandedReservation): readonly number[] | undefined;
}

/** Asks other replicas for the reservations of limits that they keep in memory (ADR 0045). */
@Injectable()
export class ReservationPeers implements OnModuleDestroy {
  private readonly timers = new Set<NodeJS.Timeout>();
  private isStopped = false;
  private isLeaving = false;
  private forgotten: () => void = () => undefined;
  private own: (change: ReservationChange) => ReservationAnswer = nothingKnown;

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

  /** Who answers what peers ask, and takes over what they kept. */
  onQuestion(keeper: ReservationKeeper): void {
    this.own = (change) => keeper.change(change);
    const isAsked = ({ bootId }: { readonly bootId: string }): boolean =>
      bootId === this.identity.facts.bootId;
    this.transport.onQuestion((question) => {
      if (this.isLeaving) return undefined;
      return isAsked(question) ? keeper.change(question) : nothingKnown();
    });
    this.transport.onHandOver((handed) => {
      if (this.isLeaving || !isAsked(handed)) return undefined;
      const kept = handed.reservations.map((one) => keeper.takeOver(one));
      const copied = handed.copies.map((one) => keeper.takeOverCopy(one));
      const taken = [...kept, ...copied].filter((places) => places !== undefined);
      return { taken: taken.length, placesTaken: taken.flat() };
    });
  }

  /** Told of each change that could not be told. */
  onForgotten(listener: () => void): void {
    this.forgotten = listener;
  }

  /** Never rejects. */
  async ask(bootId: string, change: ReservationChange): Promise<PeerAnswer> {
    const address = this.addressOf(bootId);
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

  /**
   * This replica leaves: others keep what it kept, those of its region first. From now on it refuses to
   * answer, so that nobody changes what has been handed over; who asks asks again, and finds the heir.
   * Copies are of reservations that the ledger keeps, and not lost. Never rejects.
   */
  async handOver(
    kept: Iterator<HandedReservation>,
    copied: Iterator<HandedReservation>,
  ): Promise<HandedOver> {
    this.isLeaving = true;
    const heirs = this.heirs();
    if (heirs.length === 0) return { lost: 0, placesTaken: [] };
    const toldAs = (kind: 'reservations' | 'copies', all: Iterator<HandedReservation>) =>
      new HandOver(heirs, (bootId, handed) =>
        this.hand({ bootId, reservations: [], copies: [], [kind]: handed }),
      ).run(all);
    const [reservations, copies] = await Promise.all([
      toldAs('reservations', kept),
      toldAs('copies', copied),
    ]);
    const placesTaken = [...reservations.placesTaken, ...copies.placesTaken];
    return { lost: reservations.lost, placesTaken };
  }

  private async hand(handed: HandedReservations): Promise<TakenOver | undefined> {
    const address = this.addressOf(handed.bootId);
    if (address === undefined) return undefined;
    try {
      return await this.transport.handOver(address, handed, ANSWER_MAX_MS);
    } catch {
      // It may have taken them all the same. Nobody settles them here any more, so that does no harm; their places
      // are counted twice then until they end by their time.
      return undefined;
    }
  }

  private heirs(): readonly string[] {
    const up = this.peers().filter(({ state }) => state === 'alive');
    const { region } = this.identity.facts;
    const near = up.filter(({ facts }) => facts?.region === region);
    return (near.length > 0 ? near : up).flatMap(({ facts }) => facts?.bootId ?? []);
  }

  private async isTold(bootId: string, change: ReservationChange): Promise<boolean> {
    const { kind } = await this.ask(bootId, change);
    if (kind === 'gone' && !(await this.isTakenOver(change))) this.forgotten();
    return kind !== 'silent';
  }

  /** By another one, or by this one; then it has heard of the change. */
  private async isTakenOver(change: ReservationChange): Promise<boolean> {
    if (this.own(change).kind !== 'unknown') return true;
    return (await this.askAll(change)).kind === 'found';
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

  private addressOf(bootId: string): PeerAddress | undefined {
    const peer = this.peers().find(({ facts }) => facts?.bootId === bootId);
    return peer && peerAddressOf(peer);
  }

  private peers(): readonly Replica[] {
    return this.membership.replicas().filter((replica) => !replica.isSelf && isUp(replica));
  }
}
