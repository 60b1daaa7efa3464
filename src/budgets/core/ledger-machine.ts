/**
 * The ledger as an exact model: what `weir_decide_group` does on PostgreSQL, one item after the other
 * in maps (ADR 0020). Tests compare the two; the in-memory twin is this machine behind the port.
 *
 * Invariants, checked by {@link LedgerMachine.faults}: what is posted in a period is the sum of the
 * entries posted to it, and what is held is the sum of the open holds on it.
 */
import { present } from '../../common/assert.js';
import { type Interval, type WallMs, wallMs } from '../../common/time.js';
import { periodName } from './period-name.js';
import { faultsOf } from './books.js';
import { CarryBook, type CarryRule } from './carry-over.js';
import { isInt64 } from './int64.js';
import type {
  BudgetLevel,
  Crossing,
  Expire,
  Extend,
  Hold,
  LedgerAnswer,
  LedgerItem,
  PeriodLimit,
  PostDebit,
  Release,
  ReservationFacts,
  ReservationName,
} from './ledger-item.js';
import type { Balance, Debit, PeriodKey } from './ledger-model.js';
import {
  carryEntry,
  chargeOf,
  type Entry,
  expiryEntry,
  factsOf,
  heldPeriod,
  overage,
  type Posting,
  postingsOf,
  type Reservation,
} from './settlement.js';
import { ThresholdBook } from './threshold-book.js';

export interface Grant {
  readonly budgetId: string;
  readonly amountNanos: bigint;
  readonly start: WallMs;
  readonly end: WallMs;
}

/** How many of the holds that end first are looked at for `freesAt`. */
const HOLDS_LOOKED_AT = 100;

export class LedgerMachine {
  private readonly posted = new Map<string, bigint>();
  private readonly held = new Map<string, bigint>();
  private readonly reservations = new Map<string, Reservation>();
  private readonly idOfKey = new Map<string, string>();
  private readonly entryOfKey = new Map<string, Entry>();
  private readonly entries: Entry[] = [];
  private readonly grants: Grant[] = [];
  private readonly thresholds = new ThresholdBook();
  private readonly carry = new CarryBook({
    balance: (key) => this.balance(key),
    grantedIn: (key) => this.grantedIn(key),
  });

  /** From now on, periods of the budget hand on what is left. */
  carryOver(budgetId: string, rule: CarryRule): void {
    this.carry.declare(budgetId, rule);
  }

  grant(grant: Grant): void {
    this.grants.push(grant);
  }

  allEntries(): readonly Entry[] {
    return this.entries;
  }

  decide(item: LedgerItem, now: WallMs): LedgerAnswer {
    const [answer] = this.decideGroup([item], now);
    return present(answer, 'an item is answered');
  }

  /** Rows are made before a group is decided, and what periods have handed on is corrected after it. */
  decideGroup(items: readonly LedgerItem[], now: WallMs): readonly LedgerAnswer[] {
    this.carry.open(items.flatMap(periodsOf));
    const answers = items.map((item) => this.decideItem(item, now));
    this.carry.correct(({ key, nanos }) => this.record(carryEntry(key, nanos, now)));
    return answers;
  }

  private decideItem(item: LedgerItem, now: WallMs): LedgerAnswer {
    switch (item.kind) {
      case 'hold':
        return this.hold(item, now);
      case 'debit':
        return this.debit(item, now);
      case 'release':
        return this.release(item, now);
      case 'extend':
        return this.extend(item, now);
      case 'expire':
        return this.expire(item, now);
    }
  }

  balance(key: PeriodKey): Balance {
    const name = periodName(key);
    return { key, postedNanos: this.posted.get(name) ?? 0n, heldNanos: this.held.get(name) ?? 0n };
  }

  private hold(hold: Hold, now: WallMs): LedgerAnswer {
    const earlier = this.find(hold.scope, { kind: 'key', key: hold.reservationKey });
    if (earlier !== undefined) return this.holdAgain(hold, earlier, now);
    const refusedBy = this.refusals(hold.budgets, hold.amountNanos, now, (key) => key);
    if (refusedBy.length > 0) return this.denied(hold.budgets, refusedBy, now);
    const reservation: Reservation = {
      hold,
      amountNanos: hold.amountNanos,
      chargedNanos: 0n,
      expiresAt: wallMs(now + hold.ttlMs),
      state: 'held',
      isSettled: false,
    };
    this.reservations.set(hold.id, reservation);
    this.idOfKey.set(keyName(hold.scope, hold.reservationKey), hold.id);
    this.moveHeld(reservation, hold.amountNanos);
    const levels = this.levels(hold.budgets, now);
    return { kind: 'held', isReplayed: false, reservation: factsOf(reservation), levels };
  }

  private holdAgain(hold: Hold, earlier: Reservation, now: WallMs): LedgerAnswer {
    if (earlier.hold.bodyHash !== hold.bodyHash) return { kind: 'conflict' };
    const levels = this.levels(hold.budgets, now);
    return { kind: 'held', isReplayed: true, reservation: factsOf(earlier), levels };
  }

  private refusals(
    budgets: readonly PeriodLimit[],
    amountNanos: bigint,
    now: WallMs,
    heldIn: (key: PeriodKey) => PeriodKey | undefined,
  ): readonly number[] {
    return budgets.flatMap(({ key, limitNanos, isEnforced }, i) => {
      const period = heldIn(key);
      if (!isEnforced || period === undefined) return [];
      const { postedNanos, heldNanos } = this.balance(period);
      const room = limitNanos + this.extra(period, now) - postedNanos - heldNanos;
      return amountNanos > room || room <= 0n ? [i] : [];
    });
  }

  private denied(
    budgets: readonly PeriodLimit[],
    refusedBy: readonly number[],
    now: WallMs,
  ): LedgerAnswer {
    const ids = new Set(refusedBy.map((i) => budgets[i]?.key.budgetId));
    const ends = [...this.reservations.values()]
      .filter(({ state, expiresAt }) => state === 'held' && expiresAt > now)
      .sort((a, b) => a.expiresAt - b.expiresAt)
      .slice(0, HOLDS_LOOKED_AT);
    const first = ends.find(({ hold }) => hold.budgets.some(({ key }) => ids.has(key.budgetId)));
    return {
      kind: 'denied',
      levels: this.levels(budgets, now),
      refusedBy,
      freesAt: first?.expiresAt,
    };
  }

  private debit(item: PostDebit, now: WallMs): LedgerAnswer {
    const { debit } = item;
    const earlier = this.entryOfKey.get(keyName(debit.scope, debit.idempotencyKey));
    if (earlier !== undefined) return this.debitAgain(debit, earlier, now);
    if (item.reservation === undefined) return this.post(item, undefined, now);
    const reservation = this.find(debit.scope, item.reservation);
    if (reservation === undefined) return { kind: 'unknown' };
    const { state, isSettled } = reservation;
    const isOpen = state === 'held' || (state === 'expired' && !isSettled);
    if (!isOpen) return { kind: 'ended', reservation: factsOf(reservation) };
    return this.post(item, reservation, now);
  }

  private debitAgain(debit: Debit, entry: Entry, now: WallMs): LedgerAnswer {
    if (entry.debit?.bodyHash !== debit.bodyHash) return { kind: 'conflict' };
    return this.postedAnswer(entry, now, true, '');
  }

  private post(
    { debit, watched }: PostDebit,
    reservation: Reservation | undefined,
    now: WallMs,
  ): LedgerAnswer {
    const postings = postingsOf(debit, reservation);
    if (!this.fitsInt64(postings)) return { kind: 'out_of_range' };
    const isLate =
      reservation !== undefined &&
      (reservation.state === 'expired' || reservation.expiresAt <= now);
    const { id, amountNanos, priceId, priceRevision } = debit;
    const postedTo = postings.map(({ key }) => key);
    const crossed: Crossing[] = [];
    const entry: Entry = {
      debit,
      crossed,
      call: debit,
      amountNanos: amountNanos - (reservation?.chargedNanos ?? 0n),
      postings,
      facts: { id, amountNanos, priceId, priceRevision, recordedAt: now, postedTo },
      isLate,
      overageNanos: overage(amountNanos, reservation),
    };
    if (reservation?.state === 'held') this.moveHeld(reservation, -reservation.amountNanos);
    if (reservation !== undefined) {
      reservation.state = isLate ? 'expired' : 'committed';
      reservation.isSettled = true;
    }
    this.record(entry);
    for (const { key } of postings)
      crossed.push(...this.thresholds.cross(this.level(key, now), watched));
    this.entryOfKey.set(keyName(debit.scope, debit.idempotencyKey), entry);
    return this.postedAnswer(entry, now, false, reservation?.hold.takes ?? '');
  }

  private fitsInt64(postings: readonly Posting[]): boolean {
    return postings.every(({ key, nanos }) => isInt64(this.balance(key).postedNanos + nanos));
  }

  private postedAnswer(
    entry: Entry,
    now: WallMs,
    isReplayed: boolean,
    takes: string,
  ): LedgerAnswer {
    const { facts, isLate, overageNanos, crossed } = entry;
    const balances = facts.postedTo.map((key) => this.level(key, now));
    return { kind: 'posted', isReplayed, isLate, overageNanos, facts, balances, crossed, takes };
  }

  private record(entry: Entry): void {
    this.entries.push(entry);
    for (const { key, nanos } of entry.postings)
      this.posted.set(periodName(key), this.balance(key).postedNanos + nanos);
  }

  private release({ scope, reservation: name }: Release, now: WallMs): LedgerAnswer {
    const reservation = this.find(scope, name);
    if (reservation === undefined) return { kind: 'unknown' };
    if (reservation.state !== 'held' || reservation.expiresAt <= now)
      return { kind: 'ended', reservation: factsOf(reservation) };
    this.moveHeld(reservation, -reservation.amountNanos);
    reservation.state = 'released';
    return { kind: 'released', reservation: factsOf(reservation) };
  }

  private extend(item: Extend, now: WallMs): LedgerAnswer {
    const reservation = this.find(item.scope, item.reservation);
    if (reservation === undefined) return { kind: 'unknown' };
    if (reservation.state !== 'held' || reservation.expiresAt <= now)
      return { kind: 'ended', reservation: factsOf(reservation) };
    const heldIn = (key: PeriodKey): PeriodKey | undefined => heldPeriod(reservation, key);
    const refusedBy =
      item.addNanos > 0n ? this.refusals(item.budgets, item.addNanos, now, heldIn) : [];
    if (refusedBy.length > 0) return this.denied(item.budgets, refusedBy, now);
    this.moveHeld(reservation, item.addNanos);
    reservation.amountNanos += item.addNanos;
    reservation.expiresAt = wallMs(Math.max(reservation.expiresAt, now + item.ttlMs));
    return { kind: 'extended', reservation: factsOf(reservation) };
  }

  private expire(item: Expire, now: WallMs): LedgerAnswer {
    const reservation = this.find(item.scope, { kind: 'id', id: item.reservationId });
    if (reservation === undefined) return { kind: 'unknown' };
    const isDue = item.isForced || reservation.expiresAt <= now;
    if (reservation.state !== 'held' || !isDue)
      return { kind: 'ended', reservation: factsOf(reservation) };
    const chargedNanos = item.isForced ? 0n : chargeOf(reservation);
    this.moveHeld(reservation, -reservation.amountNanos);
    reservation.state = 'expired';
    reservation.chargedNanos = chargedNanos;
    if (chargedNanos > 0n) this.record(expiryEntry(item, reservation, now));
    return { kind: 'expired', reservation: factsOf(reservation) };
  }

  /** Holds whose time is over, as a sweeper finds them. */
  due(now: WallMs): readonly ReservationFacts[] {
    return [...this.reservations.values()]
      .filter(({ state, expiresAt }) => state === 'held' && expiresAt <= now)
      .map(factsOf);
  }

  private find(scope: string, name: ReservationName): Reservation | undefined {
    const id = name.kind === 'id' ? name.id : this.idOfKey.get(keyName(scope, name.key));
    const found = id === undefined ? undefined : this.reservations.get(id);
    return found?.hold.scope === scope ? found : undefined;
  }

  private moveHeld({ hold }: Reservation, nanos: bigint): void {
    for (const { key } of hold.budgets)
      this.held.set(periodName(key), this.balance(key).heldNanos + nanos);
  }

  private levels(budgets: readonly PeriodLimit[], now: WallMs): readonly BudgetLevel[] {
    return budgets.map(({ key }) => this.level(key, now));
  }

  /** A balance, and what grants add to the budget's limit. */
  level(key: PeriodKey, now: WallMs): BudgetLevel {
    return { ...this.balance(key), extraNanos: this.extra(key, now) };
  }

  private extra(key: PeriodKey, now: WallMs): bigint {
    return this.carry.carriedIn(key) + this.grantedIn({ ...key, period: instant(now) });
  }

  private grantedIn({ budgetId, period }: PeriodKey): bigint {
    return this.grants
      .filter((grant) => grant.budgetId === budgetId)
      .filter(({ start, end }) => start < period.end && end > period.start)
      .reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
  }

  /** What is wrong with the books; empty if nothing is. */
  faults(): readonly string[] {
    const books = { posted: this.posted, held: this.held };
    return faultsOf(books, this.entries, [...this.reservations.values()]);
  }
}

const instant = (now: WallMs): Interval => ({ start: now, end: wallMs(now + 1) });

/** The periods that an item names itself; those of its reservation have rows. */
function periodsOf(item: LedgerItem): readonly PeriodKey[] {
  if (item.kind === 'debit') return item.debit.postedTo;
  return item.kind === 'hold' || item.kind === 'extend' ? item.budgets.map(({ key }) => key) : [];
}

const keyName = (scope: string, key: string): string => JSON.stringify([scope, key]);
