/**
 * Token buckets in a slab: 80 bytes a counter. The level of a bucket is the view of this replica and is
 * never merged: merging time stamps would lose spends that happened at once. What merges are the totals
 * of what was taken and returned, cumulative in epochs at least as long as the bucket takes to fill; the
 * epoch of now and the one before are kept.
 *
 *   own word   the units of a token that the deficit is in
 *   column 3   start of the epoch           column 6   taken in the epoch
 *   column 4   when the deficit was right   column 7   returned in it
 *   column 5   the deficit                  8, 9       taken and returned in the epoch before
 */
import { assert } from '../../common/assert.js';
import { type WallMs, wallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import type { BucketSpec, Demand, ReceiptEntry } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import type { Population } from './population.js';
import { raised } from './tally.js';
import {
  type BucketScale,
  drained,
  epochLengthMs,
  refilled,
  refillTimeMs,
  rescaled,
  restored,
  scaleOf,
} from './token-bucket.js';

const EPOCH = 3;
const AT = 4;
const DEFICIT = 5;
const TAKEN = 6;
const RETURNED = 7;
const OLD_TAKEN = 8;
const OLD_RETURNED = 9;

export class BucketCounters extends Algorithm<BucketSpec> {
  readonly slab: CounterSlab;

  constructor(population: Population) {
    super();
    this.slab = new CounterSlab(7, population);
  }

  read(record: number, spec: BucketSpec, amount: number, now: WallMs): FreshReading {
    const scale = scaleOf(spec);
    const { unitsPerToken, capacityUnits } = scale;
    const deficit = record === ABSENT ? 0 : this.deficitAt(record, scale, now);
    const window = { start: now, end: wallMs(now + refillTimeMs(deficit, 0, scale)) };
    const counted = Math.ceil(deficit / unitsPerToken);
    const roomUnits = capacityUnits - amount * unitsPerToken;
    if (deficit <= roomUnits) return admitting(window, counted, spec.maximum);
    const retryAfterMs = roomUnits < 0 ? undefined : refillTimeMs(deficit, roomUnits, scale);
    return refusing(window, counted, spec.maximum, retryAfterMs);
  }

  open(record: number, spec: BucketSpec, now: WallMs): void {
    const scale = scaleOf(spec);
    assert(scale.unitsPerMs > 0, 'a token bucket is refilled');
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + EPOCH] = epochStart(scale, now);
    columns[at + AT] = now;
    this.setUnits(record, scale.unitsPerToken);
  }

  count(record: number, spec: BucketSpec, demand: Demand, now: WallMs): ReceiptEntry {
    const scale = scaleOf(spec);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    this.advance(record, scale, now);
    columns[at + DEFICIT] = drained(columns[at + DEFICIT] ?? 0, demand.amount, scale);
    columns[at + TAKEN] = raised(columns[at + TAKEN] ?? 0, demand.amount);
    this.setExpiry(record, scale);
    const windowStart = columns[at + EPOCH] ?? 0;
    return { counter: spec, windowStart, amount: demand.amount, holdId: undefined };
  }

  correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean {
    const { counter, windowStart } = entry;
    assert(counter.algorithm === 'token_bucket', 'an entry is corrected by its own algorithm');
    const scale = scaleOf(counter);
    this.advance(record, scale, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const epoch = columns[at + EPOCH] ?? 0;
    const isPrevious = windowStart === epoch - epochLengthMs(scale);
    if (windowStart !== epoch && !isPrevious) return false;
    const deficit = columns[at + DEFICIT] ?? 0;
    columns[at + DEFICIT] = by < 0 ? restored(deficit, -by, scale) : drained(deficit, by, scale);
    const column = at + (isPrevious ? OLD_TAKEN : TAKEN) + (by < 0 ? 1 : 0);
    columns[column] = raised(columns[column] ?? 0, Math.abs(by));
    this.setExpiry(record, scale);
    return true;
  }

  private deficitAt(record: number, scale: BucketScale, now: WallMs): number {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    const unitsPerToken = (records.words(record)[at * 2 + OWN_WORD] ?? 1) >>> 0;
    const deficit = rescaled(columns[at + DEFICIT] ?? 0, unitsPerToken, scale);
    return refilled(deficit, now - (columns[at + AT] ?? 0), scale);
  }

  /** Brings deficit and epoch up to now. A changed rate counts from the last take on. */
  private advance(record: number, scale: BucketScale, now: WallMs): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + DEFICIT] = this.deficitAt(record, scale, now);
    columns[at + AT] = now;
    this.setUnits(record, scale.unitsPerToken);
    const start = epochStart(scale, now);
    if (columns[at + EPOCH] === start) return;
    const follows = (columns[at + EPOCH] ?? 0) + epochLengthMs(scale) === start;
    columns[at + OLD_TAKEN] = follows ? (columns[at + TAKEN] ?? 0) : 0;
    columns[at + OLD_RETURNED] = follows ? (columns[at + RETURNED] ?? 0) : 0;
    columns[at + TAKEN] = 0;
    columns[at + RETURNED] = 0;
    columns[at + EPOCH] = start;
  }

  private setUnits(record: number, unitsPerToken: number): void {
    const { records } = this.slab;
    records.words(record)[records.at(record) * 2 + OWN_WORD] = unitsPerToken;
  }

  /** When both epochs are over and the bucket is full. */
  private setExpiry(record: number, scale: BucketScale): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const fullAt = (columns[at + AT] ?? 0) + refillTimeMs(columns[at + DEFICIT] ?? 0, 0, scale);
    this.slab.expireAt(
      record,
      Math.max(fullAt, (columns[at + EPOCH] ?? 0) + 2 * epochLengthMs(scale)),
    );
  }
}

function epochStart(scale: BucketScale, now: WallMs): number {
  const lengthMs = epochLengthMs(scale);
  return Math.floor(now / lengthMs) * lengthMs;
}
