import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { Extend, PeriodLimit, ReservationFacts } from '../budgets/core/ledger-item.js';
import type { ReservationStep } from '../cluster/core/reservation-change.js';
import { AssertionError } from '../common/assert.js';
import { GovernanceService } from '../governance/governance.service.js';
import { callerOf } from './call-admission.js';
import { type ExtendCall, keyNotFound, type ReleaseCall, type Subject } from './core/calls.js';
import { reservationEnded, reservationNotFound } from './reservation-errors.js';
import { type Changed, RoamingReservations, type Whose } from './roaming-reservations.js';

export type ExtendAnswer =
  | { readonly kind: 'extended'; readonly reservation: ReservationFacts }
  /** What was asked on top does not fit; the reservation is as it was. */
  | { readonly kind: 'denied'; readonly reservation: ReservationFacts };

export type ReleaseAnswer = Changed;

/** What becomes of what was set aside, apart from being spent. */
@Injectable()
export class ReservationsService {
  constructor(
    private readonly governance: GovernanceService,
    private readonly budgets: BudgetsService,
    private readonly reservations: RoamingReservations,
  ) {}

  /** @throws DomainError `NOT_FOUND`, or `FAILED_PRECONDITION` if the reservation has ended. */
  async extend(call: ExtendCall): Promise<ExtendAnswer> {
    const scope = await this.scopeOf(call.subject);
    const { reservation, reserveTtlMs, addNanos } = call;
    const whose = { scope, name: reservation };
    const step = { kind: 'extend', ttlMs: reserveTtlMs } as const;
    const kept = await this.reservations.change(whose, step);
    if (kept !== undefined) return { kind: 'extended', reservation: kept.reservation };
    const longer = { kind: 'extend', scope, reservation, ttlMs: reserveTtlMs } as const;
    const reached = await this.extendBy({ ...longer, addNanos: 0n, budgets: [] });
    if (reached === undefined) return this.extendUnknown(whose, step);
    this.reservations.renew(whose, reached.takes, reserveTtlMs);
    if (addNanos === 0n) return { kind: 'extended', reservation: reached };
    const budgets = this.limitsOf(reached);
    const larger = await this.extendBy({ ...longer, addNanos, budgets });
    return larger === undefined
      ? { kind: 'denied', reservation: reached }
      : { kind: 'extended', reservation: larger };
  }

  /** @throws DomainError `NOT_FOUND`, or `FAILED_PRECONDITION` if it was settled or has expired. */
  async release({ subject, reservation, refund }: ReleaseCall): Promise<ReleaseAnswer> {
    const scope = await this.scopeOf(subject);
    const whose = { scope, name: reservation };
    const step = { kind: 'release', refund } as const;
    const released = await this.reservations.change(whose, step);
    if (released !== undefined) return released;
    const answer = await this.budgets.reserve({ kind: 'release', scope, reservation });
    if (answer.kind === 'unknown') return this.changeUnknown(whose, step);
    if (answer.kind === 'released') {
      const { takes } = answer.reservation;
      this.reservations.correct(whose, takes, { kind: 'released', refund });
      return { reservation: answer.reservation, replayed: false };
    }
    if (answer.kind !== 'ended')
      throw new AssertionError(`the ledger answered a release: ${answer.kind}`);
    if (answer.reservation.state !== 'released') throw reservationEnded(answer.reservation);
    return { reservation: answer.reservation, replayed: true };
  }

  private async extendUnknown(whose: Whose, step: ReservationStep): Promise<ExtendAnswer> {
    const { reservation } = await this.changeUnknown(whose, step);
    return { kind: 'extended', reservation };
  }

  /** Of limits alone, and kept by another replica; its name is the caller's. */
  private async changeUnknown(whose: Whose, step: ReservationStep): Promise<Changed> {
    const changed = await this.reservations.changeUnknown(whose, step);
    if (changed === undefined) throw reservationNotFound();
    return changed;
  }

  /** Undefined: it is not there, or what was to be added does not fit. */
  private async extendBy(item: Extend): Promise<ReservationFacts | undefined> {
    const answer = await this.budgets.reserve(item);
    if (answer.kind === 'extended') return answer.reservation;
    if (answer.kind === 'ended') throw reservationEnded(answer.reservation);
    if (answer.kind === 'denied' || answer.kind === 'unknown') return undefined;
    throw new AssertionError(`the ledger answered an extension with ${answer.kind}`);
  }

  /** What the budgets of a reservation allow by now; one that was deleted does not refuse. */
  private limitsOf({ heldIn }: ReservationFacts): readonly PeriodLimit[] {
    return heldIn.flatMap((key) => {
      const budget = this.governance.budget(key.budgetId);
      if (budget === undefined || budget.generation !== key.generation) return [];
      const { amountNanos: limitNanos, shadow, thresholdPercents } = budget;
      return [{ key, limitNanos, isEnforced: !shadow, thresholdPercents }];
    });
  }

  private async scopeOf(subject: Subject): Promise<string> {
    const resolved = await this.governance.resolve(subject);
    if (resolved.kind === 'unknown')
      throw keyNotFound(subject.kind === 'key' ? subject.keyId : undefined);
    return callerOf(resolved).virtualKeyId;
  }
}
