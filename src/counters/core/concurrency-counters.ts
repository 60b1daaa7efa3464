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
 */
import { assert } from '../../common/assert.js';
import { type WallMs, wallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import type { ConcurrencySpec, Demand, ReceiptEntry } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import { HoldHeap, NO_HOLDS } from './hold-heap.js';
import type { Population } from './population.js';

const TAKEN = 3;
const RETURNED = 4;
const AMOUNT_MAX = 0xffff_ffff;

export class ConcurrencyCounters extends Algorithm<ConcurrencySpec> {
  readonly slab: CounterSlab;
  readonly holds: HoldHeap;
  private everTaken = 0;

  constructor(population: Population, holdsMax?: number) {
    super();
    this.holds = new HoldHeap(holdsMax);
    this.slab = new CounterSlab(2, population, (record, now) => this.isOver(record, now));
  }

  read(record: number, spec: ConcurrencySpec, amount: number, now: WallMs): FreshReading {
    assert(amount <= AMOUNT_MAX, 'a hold takes less than 2^32 places');
    const held = record === ABSENT ? 0 : this.heldAt(record, now);
    const root = record === ABSENT ? NO_HOLDS : this.rootOf(record);
    const end = root === NO_HOLDS ? now : wallMs(this.holds.endOf(root));
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
    return { counter: spec, windowStart: 0, amount, holdId };
  }

  /** Releases the hold. A call is under way or it is not: there is nothing to correct by less. */
  correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean {
    const { holdId, amount } = entry;
    assert(by === -amount, 'a hold is released as a whole');
    this.endDue(record, now);
    const hold = holdId === undefined ? undefined : this.holds.find(holdId);
    if (holdId === undefined || hold?.counter !== record) return false;
    this.holds.remove(this.rootOf(record), holdId);
    this.setRoot(record, this.holds.rootAfter);
    this.giveBack(record, hold.amount);
    return true;
  }

  /** Lets a hold last until `now + holdMs`. False: it has ended, or was released. */
  renew(record: number, holdId: number, holdMs: number, now: WallMs): boolean {
    this.endDue(record, now);
    if (this.holds.find(holdId)?.counter !== record) return false;
    this.holds.postpone(this.rootOf(record), holdId, now + holdMs);
    this.setRoot(record, this.holds.rootAfter);
    return true;
  }

  /** Calls that were under way are not, after a restart. */
  toRow(): undefined {
    return undefined;
  }

  mergeRow(): void {
    assert(false, 'there are no rows of concurrency counters');
  }

  private heldAt(record: number, now: WallMs): number {
    this.endDue(record, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    return (columns[at + TAKEN] ?? 0) - (columns[at + RETURNED] ?? 0);
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
  }

  /** Asked by the sweep: a counter without holds leaves, another one is looked at when its next ends. */
  private isOver(record: number, now: number): boolean {
    this.endDue(record, wallMs(now));
    const root = this.rootOf(record);
    if (root !== NO_HOLDS) this.slab.expireAt(record, this.holds.endOf(root));
    return root === NO_HOLDS;
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
