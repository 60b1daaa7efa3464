/**
 * Reservations of calls that met limits only, in the memory of the replica that decided them: as the
 * counters are (ADR 0033). Bounded: when it is full, those that have ended make room first, and if there
 * are none among a few, a new one is refused.
 *
 * A reservation is kept for a while after its time, so that a late settle can still correct what was
 * taken. What is over leaves in passing: each new reservation looks at a few old ones.
 */
import type { WallMs } from '../../common/time.js';
import type { Take } from './takes.js';

export interface LimitReservation {
  readonly id: string;
  /** The virtual key that made it; empty for a call without one. */
  readonly scope: string;
  /** Empty if the caller made none. */
  readonly reservationKey: string;
  readonly bodyHash: string;
  expiresAt: WallMs;
  takes: readonly Take[];
  state: 'held' | 'committed' | 'released';
  /** The debit that settles it, or is about to. */
  settledBy: string | undefined;
}

type Name =
  { readonly kind: 'id'; readonly id: string } | { readonly kind: 'key'; readonly key: string };

/** Looked at in passing by each new reservation; more than one, so that the old ones are overtaken. */
const LOOKED_AT = 4;
/** Looked at when the table is full. */
const LOOKED_AT_WHEN_FULL = 64;
/** How long after its time a reservation can still be settled. */
export const LATE_MS = 600_000;

export class ReservationTable {
  private readonly byId = new Map<string, LimitReservation>();
  private readonly byKey = new Map<string, LimitReservation>();
  private cursor = this.byId.values();

  constructor(private readonly sizeMax: number) {}

  get size(): number {
    return this.byId.size;
  }

  find(scope: string, name: Name): LimitReservation | undefined {
    if (name.kind === 'key') return this.byKey.get(keyOf(scope, name.key));
    const found = this.byId.get(name.id);
    return found?.scope === scope ? found : undefined;
  }

  all(): Iterable<LimitReservation> {
    return this.byId.values();
  }

  /** Whoever's it is. */
  findAny(id: string): LimitReservation | undefined {
    return this.byId.get(id);
  }

  remove(scope: string, name: Name): void {
    const found = this.find(scope, name);
    if (found !== undefined) this.drop(found);
  }

  /** False: the table is full of reservations that last. */
  add(reservation: LimitReservation, now: WallMs): boolean {
    this.sweep(LOOKED_AT, (old) => now >= old.expiresAt + LATE_MS);
    if (this.byId.size >= this.sizeMax)
      this.sweep(LOOKED_AT_WHEN_FULL, (old) => old.state !== 'held' || now >= old.expiresAt);
    if (this.byId.size >= this.sizeMax) return false;
    this.byId.set(reservation.id, reservation);
    if (reservation.reservationKey !== '')
      this.byKey.set(keyOf(reservation.scope, reservation.reservationKey), reservation);
    return true;
  }

  /** Drops those of the next `count` that are over. A map's iterator outlives changes of the map. */
  private sweep(count: number, isOver: (old: LimitReservation) => boolean): void {
    for (let i = 0; i < count; i++) {
      const next = this.cursor.next();
      if (next.done === true) {
        this.cursor = this.byId.values();
        return;
      }
      if (isOver(next.value)) this.drop(next.value);
    }
  }

  private drop({ id, scope, reservationKey }: LimitReservation): void {
    this.byId.delete(id);
    const key = keyOf(scope, reservationKey);
    if (this.byKey.get(key)?.id === id) this.byKey.delete(key);
  }
}

/** Ids of virtual keys have no NUL. */
const keyOf = (scope: string, key: string): string => `${scope}\0${key}`;
