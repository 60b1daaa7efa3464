/**
 * How many calls are under way, in a slab: 40 bytes a counter and 32 a hold. A hold ends when it is
 * released or when its time is over, whichever comes first, so that a caller that dies gives its place
 * back.
 *
 * Invariant: taken and returned only rise, also when a counter is dropped and comes again: it then
 * begins, on both sides, at what all counters of this engine have taken so far, which is more than it
 * ever had. So peers may merge them by maximum, without an epoch.
 *
 *   own word   root of the heap of its holds
 *   column 3   taken                        column 4   returned
 *
 * With peers, 64 bytes a counter. What another replica holds counts for as long as its lease, which is
 * the end of its last hold, lasts: a replica that died gives its places back.
 *
 *   column 5   the lease for peers          column 6   what others hold
 *   column 7   until when that is right
 */
import { assert } from '../../common/assert.js';
import { type WallMs, wallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import type { ConcurrencySpec, Demand, ReceiptEntry } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import { HoldHeap, NO_HOLDS } from './hold-heap.js';
import type { Population } from './population.js';
import type { SlabSide } from './slab-side.js';
import { type SourceEntry } from './source-entry.js';

const TAKEN = 3;
const RETURNED = 4;
const LEASE = 5;
const OTHERS = 6;
const OTHERS_UNTIL = 7;
const AMOUNT_MAX = 0xffff_ffff;

/** Whether so many places can be held at once. */
export const isHoldAmount = (amount: number): boolean =>
  Number.isInteger(amount) && amount > 0 && amount <= AMOUNT_MAX;

export class ConcurrencyCounters extends Algorithm<ConcurrencySpec> {
  readonly slab: CounterSlab;
  readonly holds: HoldHeap;
  private everTaken = 0;

  constructor(
    population: Population,
    holdsMax?: number,
    private readonly side?: SlabSide,
  ) {
    super();
    this.holds = new HoldHeap(holdsMax);
    this.slab = new CounterSlab(side === undefined ? 2 : 5, population, {
      isOver: (record, now) => this.isOver(record, now),
      dropped: side === undefined ? undefined : (record) => side.drop(record),
    });
  }

  read(record: number, spec: ConcurrencySpec, amount: number, now: WallMs): FreshReading {
    assert(amount <= AMOUNT_MAX, 'a hold takes less than 2^32 places');
    const held = record === ABSENT ? 0 : this.heldAt(record, now);
    const end = record === ABSENT ? now : this.nextEnd(record, now);
    const window = { start: now, end };
    if (held + amount <= spec.maximum) return admitting(window, held, spec.maximum);
    const retryAfterMs = amount > spec.maximum ? undefined : end - now;
    return refusing(window, held, spec.maximum, retryAfterMs);
  }

  open(record: number): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + TAKEN] = this.everTaken;
    columns[at + RETURNED] = this.everTaken;
  }

  count(record: number, spec: ConcurrencySpec, demand: Demand, now: WallMs): ReceiptEntry {
    const { amount, holdMs = spec.holdMs } = demand;
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + TAKEN] = (columns[at + TAKEN] ?? 0) + amount;
    this.everTaken += amount;
    const hold = { endsAt: now + holdMs, amount, counter: record };
    const holdId = this.holds.insert(this.rootOf(record), hold);
    this.setRoot(record, this.holds.rootAfter);
    this.lend(record, hold.endsAt);
    return { counter: spec, windowStart: 0, amount, holdId };
  }

  /** Releases the hold. A call is under way or it is not: there is nothing to correct by less. */
  correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean {
    const { holdId, amount } = entry;
    assert(by === -amount, 'a hold is released as a whole');
    return holdId !== undefined && this.release(record, holdId, now);
  }

  /** False: it has ended, or was released. */
  release(record: number, holdId: number, now: WallMs): boolean {
    this.endDue(record, now);
    const hold = this.holds.find(holdId);
    if (hold?.counter !== record) return false;
    this.holds.remove(this.rootOf(record), holdId);
    this.setRoot(record, this.holds.rootAfter);
    this.giveBack(record, hold.amount);
    return true;
  }

  /** When a hold ends by its time. Undefined: it has ended, or was released. */
  endOf(record: number, holdId: number, now: WallMs): WallMs | undefined {
    this.endDue(record, now);
    const hold = this.holds.find(holdId);
    return hold?.counter === record ? wallMs(hold.endsAt) : undefined;
  }

  /** Lets a hold last until `now + holdMs`, unless it lasts longer. False: it has ended, or was released. */
  renew(record: number, holdId: number, holdMs: number, now: WallMs): boolean {
    this.endDue(record, now);
    const hold = this.holds.find(holdId);
    if (hold?.counter !== record) return false;
    if (hold.endsAt >= now + holdMs) return true;
    this.holds.postpone(this.rootOf(record), holdId, now + holdMs);
    this.setRoot(record, this.holds.rootAfter);
    this.lend(record, now + holdMs);
    return true;
  }

  /** Calls that were under way are not, after a restart. */
  toRow(): undefined {
    return undefined;
  }

  mergeRow(): void {
    assert(false, 'there are no rows of concurrency counters');
  }

  ownEntry(record: number, into: SourceEntry): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    into.clear();
    into.taken = columns[at + TAKEN] ?? 0;
    into.returned = columns[at + RETURNED] ?? 0;
    into.leaseEndsAt = columns[at + LEASE] ?? 0;
  }

  openUnasked(record: number): void {
    this.open(record);
  }

  learn(record: number): void {
    this.slab.records.numbers(record)[this.slab.records.at(record) + OTHERS_UNTIL] = 0;
  }

  private heldAt(record: number, now: WallMs): number {
    this.endDue(record, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const own = (columns[at + TAKEN] ?? 0) - (columns[at + RETURNED] ?? 0);
    return this.side === undefined ? own : own + this.heldByOthers(record, now);
  }

  private heldByOthers(record: number, now: number): number {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    if (now >= (columns[at + OTHERS_UNTIL] ?? 0)) this.addOthers(record, now);
    return columns[at + OTHERS] ?? 0;
  }

  /** Until the first of their leases ends, or more is heard. */
  private addOthers(record: number, now: number): void {
    const { side } = this;
    if (side === undefined) return;
    let held = 0;
    let until = Number.POSITIVE_INFINITY;
    for (let link = side.firstOf(record); link !== 0; link = side.entries.next(link)) {
      const lease = side.entries.leaseOf(link);
      const its = side.entries.takenIn(link, 0) - side.entries.returnedIn(link, 0);
      if (lease <= now || its <= 0) continue;
      held += its;
      until = Math.min(until, lease);
    }
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + OTHERS] = held;
    columns[at + OTHERS_UNTIL] = until;
  }

  /** When the first of all holds ends: of another replica's, the last of them is known. */
  private nextEnd(record: number, now: WallMs): WallMs {
    const root = this.rootOf(record);
    const own = root === NO_HOLDS ? Number.POSITIVE_INFINITY : this.holds.endOf(root);
    const others = this.side === undefined ? 0 : this.heldByOthers(record, now);
    const until = this.slab.records.numbers(record)[this.slab.records.at(record) + OTHERS_UNTIL];
    const end = others === 0 ? own : Math.min(own, until ?? own);
    return Number.isFinite(end) ? wallMs(end) : now;
  }

  private lend(record: number, endsAt: number): void {
    if (this.side === undefined) return;
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record) + LEASE;
    columns[at] = Math.max(columns[at] ?? 0, endsAt);
    this.side.touch(record);
  }

  private endDue(record: number, now: WallMs): void {
    let root = this.rootOf(record);
    while (root !== NO_HOLDS && this.holds.endOf(root) <= now) {
      this.giveBack(record, this.holds.amountOf(root));
      this.holds.removeEarliest(root);
      root = this.holds.rootAfter;
      this.setRoot(record, root);
    }
  }

  private giveBack(record: number, amount: number): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + RETURNED] = (columns[at + RETURNED] ?? 0) + amount;
    this.side?.touch(record);
  }

  /** Asked by the sweep: a counter without holds leaves, another one is looked at when its next ends. */
  private isOver(record: number, now: number): boolean {
    this.endDue(record, wallMs(now));
    const root = this.rootOf(record);
    if (root !== NO_HOLDS) this.slab.expireAt(record, this.holds.endOf(root));
    return root === NO_HOLDS && (this.side === undefined || this.isForgotten(record, now));
  }

  /** Others hold nothing, and our lease is over: whether they heard that we do not is the same to them. */
  private isForgotten(record: number, now: number): boolean {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const others = this.heldByOthers(record, now) > 0 ? (columns[at + OTHERS_UNTIL] ?? 0) : 0;
    const until = Math.max(others, columns[at + LEASE] ?? 0);
    if (until > now) this.slab.expireAt(record, until);
    return until <= now;
  }

  private rootOf(record: number): number {
    const { records } = this.slab;
    return records.words(record)[records.at(record) * 2 + OWN_WORD] ?? NO_HOLDS;
  }

  private setRoot(record: number, root: number): void {
    const { records } = this.slab;
    records.words(record)[records.at(record) * 2 + OWN_WORD] = root;
  }
}
