import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { DomainError } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import { wallMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Caller } from './call-admission.js';
import { checkBody } from './core/call-body.js';
import type { CheckCall, ReservationName } from './core/calls.js';
import { type LimitReservation, ReservationTable } from './core/reservation-table.js';
import type { Use } from './core/take-use.js';
import type { Take } from './core/takes.js';
import { LimitTakes } from './limit-takes.js';
import { QuotaPorts } from './quota-ports.js';
import { reservationEnded, reservationKeyReused } from './reservation-errors.js';

/** What a new reservation is to remember. */
export interface Kept {
  readonly takes: readonly Take[];
  readonly ttlMs: number;
}

/** A debit on its way that settles a reservation of limits. */
export interface Settling {
  /** The reservation had ended by itself, or with the run of the replica that made it. */
  readonly isLate: boolean;
  /** The debit is recorded: what was estimated is corrected, once. */
  finish(use: Use): void;
  /** The debit was refused: another one may settle. */
  abandon(): void;
}

/** When to try again after all reservations were in use: they end all the time. */
const FULL_RETRY_MS = 1_000;

/**
 * Reservations of calls that met no budget: what limits took for them, in the memory of the replica that
 * counted it, with no trip to the database. Their ids name the run of that replica after a dot.
 */
@Injectable()
export class LimitReservations {
  private readonly table: ReservationTable;
  private refused = 0;
  private lost = 0;

  constructor(
    private readonly limits: LimitTakes,
    private readonly ports: QuotaPorts,
    private readonly replica: ReplicaIdentity,
    config: WeirConfig,
  ) {
    this.table = new ReservationTable(config.counters.reservationsMax);
  }

  /** For metrics: how many there are, and what went wrong since the start. */
  stats(): { readonly size: number; readonly refused: number; readonly lost: number } {
    return { size: this.table.size, refused: this.refused, lost: this.lost };
  }

  /**
   * The reservation that the same check has made before.
   * @throws DomainError `ALREADY_EXISTS` if its key was used with another body.
   */
  earlier(call: CheckCall, { virtualKeyId }: Caller): ReservationFacts | undefined {
    if (call.reservationKey === '') return undefined;
    const name = { kind: 'key', key: call.reservationKey } as const;
    const found = this.table.find(virtualKeyId, name);
    if (found === undefined) return undefined;
    if (found.bodyHash !== bodyHash(call, virtualKeyId)) throw reservationKeyReused();
    return this.factsOf(found);
  }

  /** @throws DomainError `RESOURCE_EXHAUSTED` if all reservations are in use. */
  keep(call: CheckCall, { virtualKeyId }: Caller, { takes, ttlMs }: Kept): ReservationFacts {
    const now = this.ports.clock.wallNow();
    const reservation: LimitReservation = {
      id: `${newId('res', now, this.ports.random)}.${this.replica.facts.bootId}`,
      scope: virtualKeyId,
      reservationKey: call.reservationKey,
      bodyHash: call.reservationKey === '' ? '' : bodyHash(call, virtualKeyId),
      expiresAt: wallMs(now + ttlMs),
      takes,
      state: 'held',
      settledBy: undefined,
    };
    if (this.table.add(reservation, now)) return this.factsOf(reservation);
    this.refused += 1;
    const message =
      'counters.reservationsMax: all reservations are in use; settle or release them, or raise it';
    throw new DomainError('RESOURCE_EXHAUSTED', message, { retryAfterMs: FULL_RETRY_MS });
  }

  /**
   * Undefined: the reservation is none of ours, and the ledger may know it.
   * @throws DomainError `FAILED_PRECONDITION` if it was released, or settled by another debit.
   */
  settle(scope: string, name: ReservationName, idempotencyKey: string): Settling | undefined {
    const found = this.table.find(scope, name);
    if (found === undefined) return this.isLost(name) ? this.settleLost() : undefined;
    const { state, settledBy } = found;
    if (state === 'released' || (settledBy !== undefined && settledBy !== idempotencyKey))
      throw reservationEnded(this.factsOf(found));
    const isLate = state === 'held' && this.ports.clock.wallNow() >= found.expiresAt;
    found.settledBy = idempotencyKey;
    return {
      isLate,
      finish: (use) => {
        if (found.state !== 'held') return;
        this.end(found, 'committed', use);
        found.settledBy = idempotencyKey;
      },
      abandon: () => {
        if (found.state === 'held') found.settledBy = undefined;
      },
    };
  }

  /**
   * Undefined: it is none of ours.
   * @throws DomainError `FAILED_PRECONDITION` if it was settled or is over.
   */
  release(
    scope: string,
    name: ReservationName,
    refund: boolean,
  ): { readonly reservation: ReservationFacts; readonly replayed: boolean } | undefined {
    const found = this.table.find(scope, name);
    if (found === undefined) return undefined;
    if (found.state === 'released') return { reservation: this.factsOf(found), replayed: true };
    if (found.settledBy !== undefined || this.stateOf(found) !== 'held')
      throw reservationEnded(this.factsOf(found));
    this.end(found, 'released', { kind: 'released', refund });
    return { reservation: this.factsOf(found), replayed: false };
  }

  /**
   * Undefined: it is none of ours. A reservation is never shortened.
   * @throws DomainError `FAILED_PRECONDITION` if it has ended.
   */
  extend(scope: string, name: ReservationName, ttlMs: number): ReservationFacts | undefined {
    const found = this.table.find(scope, name);
    if (found === undefined) return undefined;
    if (found.settledBy !== undefined || this.stateOf(found) !== 'held')
      throw reservationEnded(this.factsOf(found));
    const now = this.ports.clock.wallNow();
    if (now + ttlMs > found.expiresAt) {
      found.expiresAt = wallMs(now + ttlMs);
      this.limits.renew(found.takes, ttlMs, now);
    }
    return this.factsOf(found);
  }

  private end(found: LimitReservation, state: 'committed' | 'released', use: Use): void {
    found.state = state;
    const { takes } = found;
    found.takes = [];
    this.limits.apply(takes, use, this.ports.clock.wallNow());
  }

  /** Of a run of a replica that is over, with what its counters had in memory. */
  private isLost(name: ReservationName): boolean {
    if (name.kind !== 'id') return false;
    const [, bootId] = /^res_[0-9A-Z]{26}\.([0-9a-f]{16})$/.exec(name.id) ?? [];
    return bootId !== undefined && bootId !== this.replica.facts.bootId;
  }

  private settleLost(): Settling {
    return {
      isLate: true,
      finish: () => {
        this.lost += 1;
      },
      abandon: () => undefined,
    };
  }

  private stateOf({ state, expiresAt, settledBy }: LimitReservation): ReservationFacts['state'] {
    if (state !== 'held') return state;
    if (settledBy !== undefined) return 'committed';
    return this.ports.clock.wallNow() >= expiresAt ? 'expired' : 'held';
  }

  private factsOf(found: LimitReservation): ReservationFacts {
    const { id, scope, reservationKey, expiresAt } = found;
    const state = this.stateOf(found);
    const nothing = { amountNanos: 0n, chargedNanos: 0n, heldIn: [], takes: '' };
    return { id, scope, reservationKey, state, expiresAt, ...nothing };
  }
}

const bodyHash = (call: CheckCall, virtualKeyId: string): string =>
  createHash('sha256').update(checkBody(call, virtualKeyId)).digest('base64');
