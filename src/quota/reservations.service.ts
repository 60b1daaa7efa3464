import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { Extend, PeriodLimit, ReservationFacts } from '../budgets/core/ledger-item.js';
import { AssertionError } from '../common/assert.js';
import { Clock } from '../common/clock.js';
import { GovernanceService } from '../governance/governance.service.js';
import { callerOf } from './call-admission.js';
import { type ExtendCall, keyNotFound, type ReleaseCall, type Subject } from './core/calls.js';
import { readTakes } from './core/takes.js';
import { LimitReservations } from './limit-reservations.js';
import { LimitTakes } from './limit-takes.js';
import { reservationEnded, reservationNotFound } from './reservation-errors.js';

export type ExtendAnswer =
  | { readonly kind: 'extended'; readonly reservation: ReservationFacts }
  /** What was asked on top does not fit; the reservation is as it was. */
  | { readonly kind: 'denied'; readonly reservation: ReservationFacts };

export interface ReleaseAnswer {
  readonly reservation: ReservationFacts;
  readonly replayed: boolean;
}

/** What becomes of what was set aside, apart from being spent. */
@Injectable()
export class ReservationsService {
  constructor(
    private readonly governance: GovernanceService,
    private readonly budgets: BudgetsService,
    private readonly limits: LimitTakes,
    private readonly reservations: LimitReservations,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError `NOT_FOUND`, or `FAILED_PRECONDITION` if the reservation has ended. */
  async extend(call: ExtendCall): Promise<ExtendAnswer> {
    const scope = await this.scopeOf(call.subject);
    const { reservation, reserveTtlMs, addNanos } = call;
    const kept = this.reservations.extend(scope, reservation, reserveTtlMs);
    if (kept !== undefined) return { kind: 'extended', reservation: kept };
    const longer = { kind: 'extend', scope, reservation, ttlMs: reserveTtlMs } as const;
    const reached = await this.extendBy({ ...longer, addNanos: 0n, budgets: [] });
    if (reached === undefined) throw reservationNotFound();
    this.limits.renew(readTakes(reached.takes), reserveTtlMs, this.clock.wallNow());
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
    const released = this.reservations.release(scope, reservation, refund);
    if (released !== undefined) return released;
    const answer = await this.budgets.reserve({ kind: 'release', scope, reservation });
    if (answer.kind === 'unknown') throw reservationNotFound();
    if (answer.kind === 'released') {
      const takes = readTakes(answer.reservation.takes);
      this.limits.apply(takes, { kind: 'released', refund }, this.clock.wallNow());
      return { reservation: answer.reservation, replayed: false };
    }
    if (answer.kind !== 'ended')
      throw new AssertionError(`the ledger answered a release: ${answer.kind}`);
    if (answer.reservation.state !== 'released') throw reservationEnded(answer.reservation);
    return { reservation: answer.reservation, replayed: true };
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
