import { Injectable } from '@nestjs/common';
import type { HandedPlace } from '../cluster/core/reservation-change.js';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { ReplicationDriver } from '../cluster/replication.driver.js';
import type { WallMs } from '../common/time.js';
import type { Correction, Demand, Receipt, ReceiptEntry } from '../counters/core/counter.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Limit } from '../governance/core/model.js';
import { GovernanceService } from '../governance/governance.service.js';
import type { CountedCall } from './counted-call.js';
import { isOfVersion, limitIdOf } from './core/group-values.js';
import { type Use, usedOf } from './core/take-use.js';
import type { Take } from './core/takes.js';
import { counterOf, type LimitDemand, type PlannedLimit } from './owner-plan.js';

/** What was taken over of a peer that leaves. */
export interface Inherited {
  readonly takes: readonly Take[];
  /** The places that count here from now on, by their old numbers. */
  readonly placesTaken: readonly number[];
}

interface OwnPlace {
  readonly entry: ReceiptEntry;
  readonly holdId: number;
}

/**
 * Between what a reservation says that limits took, and the counters: once it is known what became of
 * the call, what was estimated is corrected where it was counted.
 */
@Injectable()
export class LimitTakes {
  constructor(
    private readonly governance: GovernanceService,
    private readonly counters: CounterEngine,
    private readonly replica: ReplicaIdentity,
    private readonly replication: ReplicationDriver,
  ) {}

  /** What to remember of a take. Costs of 0 or not known count too: they may turn out to be more. */
  of(
    limits: readonly PlannedLimit[],
    demands: readonly LimitDemand[],
    receipt: Receipt,
  ): readonly Take[] {
    const takes: Take[] = receipt.entries.map((entry) => this.takeOf(entry));
    demands.forEach(({ counter, amount }, i) => {
      if (amount > 0 || limits[i]?.unit === 'requests') return;
      takes.push({ counterName: counter.name, windowStart: 0, amount: 0 });
    });
    return takes;
  }

  /**
   * Corrects what was taken by what became of the call. Limits that mean something else by now, or that
   * are gone, are passed over; a window that is gone is, too, and is counted by the engine.
   *
   * Resolves to whether other replicas still had the places that they gave out.
   */
  apply(takes: readonly Take[], use: Use, now: WallMs): Promise<boolean> {
    const elsewhere: Promise<boolean>[] = [];
    const corrections: Correction[] = [];
    const additions: Demand[] = [];
    for (const take of takes) {
      const limit = this.limitOf(take);
      const actual = limit && usedOf(limit, use);
      if (limit === undefined || actual === undefined) continue;
      if (!this.isOwn(take)) elsewhere.push(this.changeElsewhere(take));
      else {
        const entry = this.entryOf(take, limit);
        if (take.amount > 0) corrections.push({ entry, actual });
        else if (actual > 0)
          additions.push({ counter: entry.counter, amount: actual, enforced: false });
      }
    }
    if (corrections.length > 0) this.counters.correct(corrections, now);
    if (additions.length > 0) this.counters.add(additions, now);
    return areAll(elsewhere);
  }

  /** Counts a call that nobody asked about; one that is over takes no place any more. */
  count(limits: readonly PlannedLimit[], call: CountedCall, now: WallMs): void {
    const counted = limits.filter(({ isConcurrency }) => !isConcurrency);
    this.counters.add(
      counted.map((limit) => limit.demandOf(call)),
      now,
    );
  }

  /** Lets the call keep its places. Resolves as {@link apply} does. */
  renew(takes: readonly Take[], ttlMs: number, now: WallMs): Promise<boolean> {
    const elsewhere: Promise<boolean>[] = [];
    const entries: ReceiptEntry[] = [];
    for (const take of takes) {
      const limit = take.hold === undefined ? undefined : this.limitOf(take);
      if (limit === undefined) continue;
      if (this.isOwn(take)) entries.push(this.entryOf(take, limit));
      else elsewhere.push(this.changeElsewhere(take, ttlMs));
    }
    if (entries.length > 0) this.counters.renew(entries, ttlMs, now);
    return areAll(elsewhere);
  }

  /** This replica leaves: nobody may change places here that others are about to count. */
  keepStill(): void {
    this.replication.refuseHoldChanges();
  }

  /** The places among them that this run has given out and that last: for whoever is to count them instead. */
  placesOf(takes: readonly Take[], now: WallMs): readonly HandedPlace[] {
    return this.ownPlaces(takes).flatMap(({ entry, holdId }) => {
      const endsAtMs = this.counters.endOf(entry, now);
      return endsAtMs === undefined ? [] : [{ holdId, endsAtMs }];
    });
  }

  /**
   * Counts places here that another run has given out. The takes name these from now on; where there is no room,
   * or the limit is not known, the place stays with the run that gave it out.
   */
  takeOver(takes: readonly Take[], places: readonly HandedPlace[], now: WallMs): Inherited {
    const ends = new Map(places.map(({ holdId, endsAtMs }) => [holdId, endsAtMs]));
    const placesTaken: number[] = [];
    const named = takes.map((take) => {
      const inherited = this.inherit(take, ends, now);
      if (inherited !== undefined && take.hold !== undefined) placesTaken.push(take.hold.id);
      return inherited ?? take;
    });
    return { takes: named, placesTaken };
  }

  /** Others count these places from now on. */
  giveBackPlaces(takes: readonly Take[], placesTaken: ReadonlySet<number>, now: WallMs): void {
    const entries = this.ownPlaces(takes)
      .filter(({ holdId }) => placesTaken.has(holdId))
      .map(({ entry }) => entry);
    if (entries.length > 0) this.counters.giveBack({ entries }, now);
  }

  private inherit(take: Take, ends: ReadonlyMap<number, number>, now: WallMs): Take | undefined {
    const endsAt = take.hold && ends.get(take.hold.id);
    const limit = endsAt === undefined ? undefined : this.limitOf(take);
    // A peer has told it.
    if (endsAt === undefined || limit === undefined || !Number.isSafeInteger(endsAt))
      return undefined;
    const { counter, amount } = this.entryOf(take, limit);
    const entry = this.counters.takeOver({ counter, amount, endsAt }, now);
    return entry && this.takeOf(entry);
  }

  private ownPlaces(takes: readonly Take[]): readonly OwnPlace[] {
    return takes.flatMap((take) => {
      const limit = take.hold && this.isOwn(take) ? this.limitOf(take) : undefined;
      if (take.hold === undefined || limit === undefined) return [];
      return [{ entry: this.entryOf(take, limit), holdId: take.hold.id }];
    });
  }

  /** Whether its hold, if it has one, was made by this run of this replica. */
  private isOwn({ hold }: Take): boolean {
    return hold === undefined || hold.bootId === this.replica.facts.bootId;
  }

  /** A place that another replica gave out. */
  private changeElsewhere({ counterName, hold }: Take, renewMs?: number): Promise<boolean> {
    if (hold === undefined) return Promise.resolve(true);
    const { id: holdId, bootId, replicaId } = hold;
    return this.replication.changeHold({ replicaId, bootId, counterName, holdId, renewMs });
  }

  private takeOf({ counter, windowStart, amount, holdId }: ReceiptEntry): Take {
    const take = { counterName: counter.name, windowStart, amount };
    if (holdId === undefined) return take;
    const { name: replicaId, facts } = this.replica;
    return { ...take, hold: { id: holdId, bootId: facts.bootId, replicaId } };
  }

  /** The limit in the version that took. */
  private limitOf({ counterName }: Take): Limit | undefined {
    const limit = this.governance.limit(limitIdOf(counterName));
    if (limit === undefined) return undefined;
    return isOfVersion(counterName, limit) ? limit : undefined;
  }

  private entryOf({ counterName, windowStart, amount, hold }: Take, limit: Limit): ReceiptEntry {
    const counter = counterOf(limit, counterName, this.replica.facts.region);
    return { counter, windowStart, amount, holdId: hold?.id };
  }
}

const areAll = async (changes: readonly Promise<boolean>[]): Promise<boolean> =>
  (await Promise.all(changes)).every(Boolean);
