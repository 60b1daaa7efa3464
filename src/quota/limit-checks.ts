import { Injectable } from '@nestjs/common';
import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import { DomainError } from '../common/domain-error.js';
import type { WallMs } from '../common/time.js';
import {
  isRefused,
  type Reading,
  type Receipt,
  type TakeOutcome,
} from '../counters/core/counter.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Caller } from './call-admission.js';
import { ContendedWait } from './contended-wait.js';
import { type CheckCall, RESERVE_TTL_DEFAULT_MS } from './core/calls.js';
import type { Take } from './core/takes.js';
import { LimitReservations } from './limit-reservations.js';
import { LimitTakes } from './limit-takes.js';
import type { LimitDemand, PlannedLimit } from './owner-plan.js';

/** What limits are asked about one call; `demands` are in the order of `limits`. */
export interface LimitCheck {
  readonly call: CheckCall;
  readonly caller: Caller;
  readonly limits: readonly PlannedLimit[];
  readonly demands: readonly LimitDemand[];
  readonly now: WallMs;
}

type Taking = (demands: readonly LimitDemand[]) => TakeOutcome;

/** The limits' part of a check, and what is remembered of it. */
@Injectable()
export class LimitChecks {
  constructor(
    private readonly counters: CounterEngine,
    private readonly takes: LimitTakes,
    private readonly reservations: LimitReservations,
    private readonly contended: ContendedWait,
  ) {}

  /**
   * Resolves when peers have been heard who may have used up a limit of this call; undefined: that is not so. A call
   * that is refused anyway does not wait.
   */
  heard(check: LimitCheck): Promise<void> | undefined {
    return this.contended.during(
      () => this.counters.isContended(check.demands) && !isRefused(check.demands, this.read(check)),
    );
  }

  /**
   * Counts in all limits or in none.
   * @throws DomainError `RESOURCE_EXHAUSTED` if there is no counter for a limit that must not be passed.
   */
  take(check: LimitCheck): TakeOutcome {
    return this.takeBy(check, (demands) => this.counters.take(demands, check.now));
  }

  /** The same for a call that budgets have still to decide: commit it, or give it back. */
  takeProvisionally(check: LimitCheck): TakeOutcome {
    return this.takeBy(check, (demands) => this.counters.takeProvisionally(demands, check.now));
  }

  commit(receipt: Receipt, now: WallMs): void {
    this.counters.commit(receipt, now);
  }

  /** How many reservations are kept, and what went wrong with some. */
  stats(): ReturnType<LimitReservations['stats']> {
    return this.reservations.stats();
  }

  read({ demands, now }: LimitCheck): readonly Reading[] {
    return this.counters.read(demands, now);
  }

  /** What a take counted is free again. */
  giveBack(receipt: Receipt, now: WallMs): void {
    this.counters.giveBack(receipt, now);
  }

  /** What the reservation of this call has to remember of a take. */
  takesOf({ limits, demands }: LimitCheck, receipt: Receipt): readonly Take[] {
    return this.takes.of(limits, demands, receipt);
  }

  /** The reservation that the same check has made before, if limits keep it. */
  earlier({ call, caller }: LimitCheck): ReservationFacts | undefined {
    return this.reservations.earlier(call, caller);
  }

  /** Whether the call can be settled: it says by which name, or it takes a place that must come free. */
  isReserved({ call, limits }: LimitCheck): boolean {
    if (call.reservationKey !== '' && !call.noHold) return true;
    return limits.some(({ isConcurrency }) => isConcurrency);
  }

  /**
   * Remembers what limits took, so that it can be corrected; if there is no room, they give it back.
   * @throws DomainError `RESOURCE_EXHAUSTED` if there is no room.
   */
  reserve(check: LimitCheck, receipt: Receipt): ReservationFacts {
    const { call, caller, limits } = check;
    const kept = { takes: this.takesOf(check, receipt), ttlMs: ttlOf(call, limits) };
    try {
      return this.reservations.keep(call, caller, kept);
    } catch (error) {
      this.counters.giveBack(receipt, check.now);
      throw error;
    }
  }

  /** The ledger remembers what limits took; this replica does, too, for when the ledger is away. */
  copy(check: LimitCheck, receipt: Receipt, reservation: ReservationFacts): void {
    this.reservations.copy(reservation, this.takesOf(check, receipt));
  }

  private takeBy(check: LimitCheck, take: Taking): TakeOutcome {
    try {
      return take(check.demands);
    } catch (error) {
      if (!isExhausted(error) || !check.limits.some(({ failsOpen }) => failsOpen)) throw error;
      return this.takeOpen(check, take);
    }
  }

  /** Limits that fail open are only asked, as long as there is something to ask. */
  private takeOpen(check: LimitCheck, take: Taking): TakeOutcome {
    const readings = this.read(check);
    if (isRefused(check.demands, readings)) return { kind: 'refused', readings };
    const opened = check.demands.map((demand, i) =>
      check.limits[i]?.failsOpen ? { ...demand, enforced: false } : demand,
    );
    return take(opened);
  }
}

/** As the caller says, else long enough for every place that the call takes. */
export function ttlOf(call: CheckCall, limits: readonly PlannedLimit[]): number {
  if (call.reserveTtlMs !== undefined) return call.reserveTtlMs;
  return Math.max(RESERVE_TTL_DEFAULT_MS, ...limits.map(({ holdMs }) => holdMs));
}

const isExhausted = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'RESOURCE_EXHAUSTED';
