import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import type {
  HandedPlace,
  HandedReservation,
  KeptReservation,
  ReservationAnswer,
  ReservationChange,
} from '../cluster/core/reservation-change.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { DomainError } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import { type WallMs, wallMs } from '../common/time.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Caller } from './call-admission.js';
import { checkBody } from './core/call-body.js';
import type { CheckCall, ReservationName } from './core/calls.js';
import { type LimitReservation, ReservationTable } from './core/reservation-table.js';
import type { Use } from './core/take-use.js';
import { readTakes, type Take, writeTakes } from './core/takes.js';
import { LimitTakes } from './limit-takes.js';
import { QuotaPorts } from './quota-ports.js';
import { reservationKeyReused } from './reservation-errors.js';

/** What a new reservation is to remember. */
export interface Kept {
  readonly takes: readonly Take[];
  readonly ttlMs: number;
}

const UNKNOWN = { kind: 'unknown' } as const;

/** When to try again after all reservations were in use: they end all the time. */
const FULL_RETRY_MS = 1_000;

/**
 * Reservations of calls that met no budget: what limits took for them, in the memory of the replica that
 * counted it, with no trip to the database. Their ids name the run of that replica after a dot.
 *
 * Of reservations that met a budget there are copies, for a settle while the database is away (ADR 0046).
 */
@Injectable()
export class LimitReservations {
  private readonly table: ReservationTable;
  private readonly copies: ReservationTable;
  private refused = 0;
  private lost = 0;

  constructor(
    private readonly limits: LimitTakes,
    private readonly ports: QuotaPorts,
    private readonly replica: ReplicaIdentity,
    config: WeirConfig,
  ) {
    const { reservationsMax } = config.counters;
    this.table = new ReservationTable(reservationsMax);
    this.copies = new ReservationTable(reservationsMax);
  }

  /** For metrics: how many there are, and what went wrong since the start. */
  stats(): { readonly size: number; readonly refused: number; readonly lost: number } {
    return { size: this.table.size, refused: this.refused, lost: this.lost };
  }

  /** A debit was recorded whose reservation was lost with its replica. */
  countLost(): void {
    this.lost += 1;
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
    return limitReservationFacts(this.keptOf(found));
  }

  /** @throws DomainError `RESOURCE_EXHAUSTED` if all reservations are in use. */
  keep(call: CheckCall, { virtualKeyId }: Caller, { takes, ttlMs }: Kept): ReservationFacts {
    const now = this.ports.clock.wallNow();
    const { reservationKey } = call;
    const kept = newReservation({
      id: `${newId('res', now, this.ports.random)}.${this.replica.facts.bootId}`,
      scope: virtualKeyId,
      reservationKey,
      bodyHash: reservationKey === '' ? '' : bodyHash(call, virtualKeyId),
      expiresAt: wallMs(now + ttlMs),
      takes,
    });
    if (this.table.add(kept, now)) return limitReservationFacts(this.keptOf(kept));
    this.refused += 1;
    const message =
      'counters.reservationsMax: all reservations are in use; settle or release them, or raise it';
    throw new DomainError('RESOURCE_EXHAUSTED', message, { retryAfterMs: FULL_RETRY_MS });
  }

  /** What the ledger keeps, for when it is away; without room for a copy its row has to do. */
  copy({ id, scope, reservationKey, expiresAt }: ReservationFacts, takes: readonly Take[]): void {
    if (takes.length === 0) return;
    const copy = newReservation({ id, scope, reservationKey, bodyHash: '', expiresAt, takes });
    this.copies.add(copy, this.ports.clock.wallNow());
  }

  /** The ledger has settled or released it. */
  forgetCopy(scope: string, name: ReservationName): void {
    this.copies.remove(scope, name);
  }

  /** By what the ledger's row says. Resolves to whether other replicas still had the places that they gave out. */
  correct(takes: string, use: Use): Promise<boolean> {
    return this.limits.apply(readTakes(takes), use, this.ports.clock.wallNow());
  }

  /** The same for places that are to last longer. */
  renew(takes: string, ttlMs: number): Promise<boolean> {
    return this.limits.renew(readTakes(takes), ttlMs, this.ports.clock.wallNow());
  }

  /** Each step is done once; a caller that has heard no answer may ask again. */
  change({ scope, name, besideBudget, step }: ReservationChange): ReservationAnswer {
    if (step.kind === 'forceRelease') return this.forceRelease(name);
    if (step.kind === 'endPlaces') return this.endPlaces(this.copies.find(scope, name));
    const kept = this.table.find(scope, name);
    const found = kept ?? (besideBudget ? this.copies.find(scope, name) : undefined);
    if (found === undefined) return UNKNOWN;
    switch (step.kind) {
      case 'begin':
        return this.begin(found, step.idempotencyKey);
      case 'settle': {
        const { idempotencyKey, tokens, amountNanos } = step;
        return this.settle(found, idempotencyKey, { kind: 'settled', tokens, amountNanos });
      }
      case 'abandon':
        return this.abandon(found, step.idempotencyKey);
      case 'release':
        return this.release(found, step.refund);
      case 'extend':
        return this.extend(found, step.ttlMs);
    }
  }

  /** Those that are not over, for a replica to keep while this one is gone. */
  *toHandOver(): Generator<HandedReservation> {
    for (const found of this.table.all())
      if (found.state === 'held' && !this.isOver(found))
        yield handedOf(found, this.limits.placesOf(found.takes, this.ports.clock.wallNow()));
  }

  /** Copies of what the ledger keeps, for the sake of their places: such as have any, which nobody changes from now on. */
  *copiesToHandOver(): Generator<HandedReservation> {
    this.limits.keepStill();
    for (const found of this.copies.all()) {
      const places = this.limits.placesOf(found.takes, this.ports.clock.wallNow());
      if (found.state !== 'held' || places.length === 0) continue;
      // The ledger may have extended it meanwhile, and its places with it.
      const ends = places.map(({ endsAtMs }) => endsAtMs);
      yield handedOf({ ...found, expiresAt: wallMs(Math.max(found.expiresAt, ...ends)) }, places);
    }
  }

  /** Those who have taken them over count these places by now. */
  giveBackPlaces(placesTaken: readonly number[]): void {
    const now = this.ports.clock.wallNow();
    const taken = new Set(placesTaken);
    for (const table of [this.table, this.copies])
      for (const { takes } of table.all()) this.limits.giveBackPlaces(takes, taken, now);
  }

  /** Keeps one of a replica that leaves, and counts its places. */
  takeOver(handed: HandedReservation): readonly number[] | undefined {
    return this.inherit(this.table, handed);
  }

  /** The same of a copy. */
  takeOverCopy(handed: HandedReservation): readonly number[] | undefined {
    return this.inherit(this.copies, handed);
  }

  private inherit(
    table: ReservationTable,
    { places, ...handed }: HandedReservation,
  ): readonly number[] | undefined {
    if (table.findAny(handed.id) !== undefined) return [];
    const made = madeOf(handed);
    const now = this.ports.clock.wallNow();
    if (made === undefined || !table.add(made, now)) return undefined;
    const { takes, placesTaken } = this.limits.takeOver(made.takes, places, now);
    made.takes = takes;
    return placesTaken;
  }

  private begin(found: LimitReservation, idempotencyKey: string): ReservationAnswer {
    if (isTaken(found, idempotencyKey)) return this.ended(found);
    const isLate = found.state === 'held' && this.isOver(found);
    found.settledBy = idempotencyKey;
    return this.done(found, { isLate, isReplayed: found.state === 'committed' });
  }

  private settle(found: LimitReservation, idempotencyKey: string, use: Use): ReservationAnswer {
    if (isTaken(found, idempotencyKey)) return this.ended(found);
    if (found.state === 'committed') return this.done(found, { isReplayed: true });
    const isLate = this.isOver(found);
    found.settledBy = idempotencyKey;
    this.end(found, 'committed', use);
    return this.done(found, { isLate });
  }

  private abandon(found: LimitReservation, idempotencyKey: string): ReservationAnswer {
    if (found.state === 'held' && found.settledBy === idempotencyKey) found.settledBy = undefined;
    return this.done(found, {});
  }

  private release(found: LimitReservation, refund: boolean): ReservationAnswer {
    if (found.state === 'released') return this.done(found, { isReplayed: true });
    if (this.stateOf(found) !== 'held') return this.ended(found);
    this.end(found, 'released', { kind: 'released', refund });
    return this.done(found, {});
  }

  /** Of a copy: what else limits took, the ledger's row says. */
  private endPlaces(found: LimitReservation | undefined): ReservationAnswer {
    if (found === undefined) return UNKNOWN;
    this.copies.remove(found.scope, { kind: 'id', id: found.id });
    const places = found.takes.filter(({ hold }) => hold !== undefined);
    const use = { kind: 'released', refund: false } as const;
    void this.limits.apply(places, use, this.ports.clock.wallNow());
    return this.done(found, {});
  }

  private forceRelease(name: ReservationName): ReservationAnswer {
    const found = name.kind === 'id' ? this.table.findAny(name.id) : undefined;
    return found === undefined ? UNKNOWN : this.release(found, false);
  }

  private extend(found: LimitReservation, ttlMs: number): ReservationAnswer {
    if (this.stateOf(found) !== 'held') return this.ended(found);
    const now = this.ports.clock.wallNow();
    found.expiresAt = wallMs(Math.max(found.expiresAt, now + ttlMs));
    // A place may end earlier than the reservation.
    void this.limits.renew(found.takes, ttlMs, now);
    return this.done(found, {});
  }

  private end(found: LimitReservation, state: 'committed' | 'released', use: Use): void {
    found.state = state;
    const { takes } = found;
    found.takes = [];
    void this.limits.apply(takes, use, this.ports.clock.wallNow());
  }

  private done(
    found: LimitReservation,
    { isLate = false, isReplayed = false }: { isLate?: boolean; isReplayed?: boolean },
  ): ReservationAnswer {
    return { kind: 'done', reservation: this.keptOf(found), isLate, isReplayed };
  }

  private ended(found: LimitReservation): ReservationAnswer {
    return { kind: 'ended', reservation: this.keptOf(found) };
  }

  private isOver({ expiresAt }: LimitReservation): boolean {
    return this.ports.clock.wallNow() >= expiresAt;
  }

  private keptOf(found: LimitReservation): KeptReservation {
    const { id, scope, reservationKey, expiresAt: expiresAtMs } = found;
    return { id, scope, reservationKey, state: this.stateOf(found), expiresAtMs };
  }

  private stateOf(found: LimitReservation): ReservationFacts['state'] {
    if (found.state !== 'held') return found.state;
    if (found.settledBy !== undefined) return 'committed';
    return this.isOver(found) ? 'expired' : 'held';
  }
}

/** As answers say it: no money is held. */
export function limitReservationFacts({ expiresAtMs, ...kept }: KeptReservation): ReservationFacts {
  const nothing = { amountNanos: 0n, chargedNanos: 0n, heldIn: [], takes: '' };
  return { ...kept, expiresAt: wallMs(expiresAtMs), ...nothing };
}

interface NewReservation {
  readonly id: string;
  readonly scope: string;
  readonly reservationKey: string;
  readonly bodyHash: string;
  readonly expiresAt: WallMs;
  readonly takes: readonly Take[];
}

const newReservation = (made: NewReservation): LimitReservation => ({
  ...made,
  state: 'held',
  settledBy: undefined,
});

function handedOf(
  { takes, expiresAt, ...kept }: LimitReservation,
  places: readonly HandedPlace[],
): HandedReservation {
  const { id, scope, reservationKey, bodyHash, settledBy } = kept;
  const named = { id, scope, reservationKey, bodyHash, settledBy };
  return { ...named, takes: writeTakes(takes), expiresAtMs: expiresAt, places };
}

/** Undefined: the peer has told nonsense, which must not stop this replica. */
function madeOf({
  expiresAtMs,
  settledBy,
  takes: text,
  ...handed
}: Omit<HandedReservation, 'places'>): LimitReservation | undefined {
  try {
    const takes = readTakes(text);
    const made = newReservation({ ...handed, takes, expiresAt: wallMs(expiresAtMs) });
    return { ...made, settledBy };
  } catch {
    return undefined;
  }
}

/** Released, or settled by another debit. */
const isTaken = ({ state, settledBy }: LimitReservation, idempotencyKey: string): boolean =>
  state === 'released' || (settledBy !== undefined && settledBy !== idempotencyKey);

const bodyHash = (call: CheckCall, virtualKeyId: string): string =>
  createHash('sha256').update(checkBody(call, virtualKeyId)).digest('base64');
