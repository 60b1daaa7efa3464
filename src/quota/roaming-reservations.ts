import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import type {
  ReservationAnswer,
  ReservationChange,
  ReservationStep,
} from '../cluster/core/reservation-change.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { ReservationPeers } from '../cluster/reservation-peers.js';
import { WeirConfig } from '../config/weir-config.js';
import type { ReservationName } from './core/calls.js';
import type { Use } from './core/take-use.js';
import { limitReservationFacts, LimitReservations } from './limit-reservations.js';
import { reservationEnded, reservationUnreachable } from './reservation-errors.js';

/** A debit on its way that settles a reservation of limits. */
export interface Settling {
  /** The reservation had ended by itself, or with the run of the replica that made it. */
  readonly isLate: boolean;
  /** The debit is recorded: what was estimated is corrected, once, however often this is called. */
  finish(use: Settled): Promise<void>;
  /** The debit was refused: another one may settle. */
  abandon(): void;
}

export type Settled = Extract<Use, { kind: 'settled' }>;

/** Whose reservation, and by which of its names. */
export interface Whose {
  readonly scope: string;
  readonly name: ReservationName;
}

type Known = Exclude<ReservationAnswer, { kind: 'unknown' }>;

type Found =
  | { readonly kind: 'found'; readonly bootId: string; readonly answer: Known }
  /** Named after a run that is over, or that does not answer. `isSure`: all others have said that they have it not. */
  | { readonly kind: 'gone'; readonly isSure: boolean }
  | { readonly kind: 'silent'; readonly bootId: string }
  | { readonly kind: 'nowhere' };

/** Intervals in which a replica tells what it has counted, and is heard, unless something is wrong. */
const TOLD_WITHIN = 2;

const NOWHERE = { kind: 'nowhere' } as const;

/**
 * Reservations of limits, wherever in the cluster they are kept (ADR 0045). Whoever is called about one
 * asks the replica that made it, which does each step once; an id says who that is, and by the caller's own
 * key all are asked, after the ledger, which knows most of them. All are asked as well if that replica is gone: it
 * may have handed over what it kept (ADR 0130).
 */
@Injectable()
export class RoamingReservations {
  constructor(
    private readonly own: LimitReservations,
    private readonly peers: ReservationPeers,
    private readonly replica: ReplicaIdentity,
    private readonly config: WeirConfig,
  ) {
    peers.onQuestion(own);
    peers.onForgotten(() => own.countLost());
  }

  /**
   * Undefined: it is kept here or where its id says by nobody, and the ledger may know it.
   * @throws DomainError `FAILED_PRECONDITION` if it was released, or settled by another debit.
   */
  async settle(whose: Whose, idempotencyKey: string): Promise<Settling | undefined> {
    const found = await this.keeperOf(changeOf(whose, { kind: 'begin', idempotencyKey }));
    switch (found.kind) {
      case 'nowhere':
        return undefined;
      case 'gone':
        return this.lost();
      case 'silent':
        // The money is spent, whatever became of the peer; it is told for as long as it is a member.
        return this.settling(whose, idempotencyKey, { bootId: found.bootId, isLate: false });
      case 'found':
        return this.begun(whose, idempotencyKey, found);
    }
  }

  /**
   * The same of one that the ledger does not know.
   * @throws DomainError `UNAVAILABLE` if nobody knows it, and somebody does not answer.
   */
  async settleUnknown(whose: Whose, idempotencyKey: string): Promise<Settling | undefined> {
    const found = await this.anywhere(changeOf(whose, { kind: 'begin', idempotencyKey }));
    return found.kind === 'found' ? this.begun(whose, idempotencyKey, found) : undefined;
  }

  /**
   * What limits took for a reservation that the ledger keeps, which is away. Undefined: nobody has a copy, or
   * it has ended. Never rejects.
   */
  async settleCopy(whose: Whose, idempotencyKey: string): Promise<Settling | undefined> {
    const change = { ...changeOf(whose, { kind: 'begin', idempotencyKey }), besideBudget: true };
    const own = this.own.change(change);
    const found = own.kind === 'unknown' ? await this.peers.askAll(change) : this.here(own);
    if (found.kind !== 'found' || found.answer.kind === 'ended') return undefined;
    const { bootId, answer } = found;
    const at = { bootId, isLate: answer.isLate, besideBudget: true };
    return this.settling(whose, idempotencyKey, at);
  }

  /**
   * Undefined: it is none of limits alone, and the ledger may know it.
   * @throws DomainError `FAILED_PRECONDITION` if it has ended.
   */
  async change(whose: Whose, step: ReservationStep): Promise<Changed | undefined> {
    const found = await this.keeperOf(changeOf(whose, step));
    requireAnswer(found);
    return changed(found);
  }

  /** The same of one that the ledger does not know. */
  async changeUnknown(whose: Whose, step: ReservationStep): Promise<Changed | undefined> {
    return changed(await this.anywhere(changeOf(whose, step)));
  }

  /**
   * Ends it for an operator, whoever's it is, unless it has ended. Undefined: it is none of limits alone, or it
   * is gone with its replica.
   * @throws DomainError `UNAVAILABLE` if its replica does not answer.
   */
  async forceRelease(id: string): Promise<ReservationFacts | undefined> {
    const whose = { scope: '', name: { kind: 'id', id } } as const;
    const found = await this.keeperOf(changeOf(whose, { kind: 'forceRelease' }));
    requireAnswer(found);
    return found.kind === 'found' ? limitReservationFacts(found.answer.reservation) : undefined;
  }

  /**
   * This replica leaves: others keep what it kept, and count its places. They count them first; this one gives them back
   * when those have had time to tell it, so that nobody counts fewer than there are. Gives how many are lost.
   */
  async handOver(): Promise<number> {
    const { own } = this;
    const { lost, placesTaken } = await this.peers.handOver(
      own.toHandOver(),
      own.copiesToHandOver(),
    );
    if (placesTaken.length > 0) {
      await delay(TOLD_WITHIN * this.config.cluster.syncIntervalMs);
      own.giveBackPlaces(placesTaken);
    }
    return lost;
  }

  /**
   * The ledger has ended it, and its row says what limits took. A place that the replica which gave it out has no more, or
   * that no stream reaches, is freed by who counts it instead (ADR 0134), or has ended.
   */
  correct(whose: Whose, takes: string, use: Use): void {
    void this.freed(whose, this.own.correct(takes, use));
  }

  /** The same where the ledger has extended it. */
  renew(whose: Whose, takes: string, ttlMs: number): void {
    void this.renewed(whose, this.own.renew(takes, ttlMs), ttlMs);
  }

  private async freed(whose: Whose, areFreed: Promise<boolean>): Promise<void> {
    if (!(await areFreed)) await this.whereCounted(whose, { kind: 'endPlaces' });
    this.own.forgetCopy(whose.scope, whose.name);
  }

  private async renewed(whose: Whose, areRenewed: Promise<boolean>, ttlMs: number): Promise<void> {
    if (!(await areRenewed)) await this.whereCounted(whose, { kind: 'extend', ttlMs });
  }

  private async whereCounted(whose: Whose, step: ReservationStep): Promise<void> {
    const change = { ...changeOf(whose, step), besideBudget: true };
    if (this.own.change(change).kind === 'unknown') await this.peers.askAll(change);
  }

  private async keeperOf(change: ReservationChange): Promise<Found> {
    const own = this.own.change(change);
    if (own.kind !== 'unknown') return this.here(own);
    const bootId = bootIdOf(change.name);
    if (bootId === undefined || bootId === this.self) return NOWHERE;
    const reached = await this.peers.ask(bootId, change);
    if (reached.kind === 'silent') return { kind: 'silent', bootId };
    if (reached.kind === 'gone') return this.heirOf(change);
    const { answer } = reached;
    return answer.kind === 'unknown' ? NOWHERE : { kind: 'found', bootId, answer };
  }

  /** Its replica has died, or has left and handed over what it kept (ADR 0130). */
  private async heirOf(change: ReservationChange): Promise<Found> {
    const found = await this.peers.askAll(change);
    return found.kind === 'found' ? found : { kind: 'gone', isSure: found.isSure };
  }

  /** An id leads to its replica, which has been asked. */
  private async anywhere(change: ReservationChange): Promise<Found> {
    if (change.name.kind === 'id') return NOWHERE;
    const found = await this.peers.askAll(change);
    if (found.kind === 'found') return found;
    if (!found.isSure) throw reservationUnreachable();
    return NOWHERE;
  }

  private begun(
    whose: Whose,
    idempotencyKey: string,
    { bootId, answer }: Extract<Found, { kind: 'found' }>,
  ): Settling {
    if (answer.kind === 'ended') throw reservationEnded(limitReservationFacts(answer.reservation));
    return this.settling(whose, idempotencyKey, { bootId, isLate: answer.isLate });
  }

  private settling(
    whose: Whose,
    idempotencyKey: string,
    { bootId, isLate, besideBudget = false }: SettledAt,
  ): Settling {
    const tell = (step: ReservationStep): Promise<void> =>
      this.tell(bootId, { ...changeOf(whose, step), besideBudget });
    return {
      isLate,
      finish: ({ tokens, amountNanos }) =>
        tell({ kind: 'settle', idempotencyKey, tokens, amountNanos }),
      abandon: () => void tell({ kind: 'abandon', idempotencyKey }),
    };
  }

  private async tell(bootId: string, change: ReservationChange): Promise<void> {
    if (bootId === this.self) this.own.change(change);
    else await this.peers.tell(bootId, change);
  }

  private lost(): Settling {
    const finish = (): Promise<void> => {
      this.own.countLost();
      return Promise.resolve();
    };
    return { isLate: true, finish, abandon: () => undefined };
  }

  private here(answer: Known): Extract<Found, { kind: 'found' }> {
    return { kind: 'found', bootId: this.self, answer };
  }

  private get self(): string {
    return this.replica.facts.bootId;
  }
}

export interface Changed {
  readonly reservation: ReservationFacts;
  /** It had been done before. */
  readonly replayed: boolean;
}

interface SettledAt {
  readonly bootId: string;
  readonly isLate: boolean;
  readonly besideBudget?: boolean;
}

const changeOf = ({ scope, name }: Whose, step: ReservationStep): ReservationChange => ({
  scope,
  name,
  besideBudget: false,
  step,
});

/** @throws DomainError `UNAVAILABLE` if somebody who may keep it does not answer. */
function requireAnswer(found: Found): void {
  const isSilent = found.kind === 'silent' || (found.kind === 'gone' && !found.isSure);
  if (isSilent) throw reservationUnreachable();
}

function changed(found: Found): Changed | undefined {
  if (found.kind !== 'found') return undefined;
  const { answer } = found;
  const reservation = limitReservationFacts(answer.reservation);
  if (answer.kind === 'ended') throw reservationEnded(reservation);
  return { reservation, replayed: answer.isReplayed };
}

/** The run that made it, which is in its id. */
function bootIdOf(name: ReservationName): string | undefined {
  if (name.kind !== 'id') return undefined;
  return /^res_[0-9A-Z]{26}\.([0-9a-f]{16})$/.exec(name.id)?.[1];
}
