/**
 * Token buckets in a slab: 80 bytes a counter. The level of a bucket is the view of this replica and is
 * never merged: merging time stamps would lose spends that happened at once. What merges are the totals
 * of what was taken and returned, cumulative in epochs at least as long as the bucket takes to fill; the
 * epoch of now and the one before are kept.
 *
 *   own word   the units of a token that the deficit is in
 *   column 3   start of the epoch           column 5   the deficit
 *   column 4   when the deficit was right   6, 7       taken and returned in the epoch
 *                                           8, 9       the same of the epoch before
 */
import { assert } from '../../common/assert.js';
import type { BucketScale } from '../../common/bucket-scale.js';
import { type WallMs, wallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import { BucketScales } from './bucket-scales.js';
import { type CheckpointRow, SHORT_WINDOW_MS } from './checkpoint.js';
import type { BucketSpec, Demand, ReceiptEntry } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import { countAt, entryAt, mergeEntryAt, turnOver } from './entry-columns.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import type { Population } from './population.js';
import { drained, refilled, refillTimeMs, rescaled, restored } from './token-bucket.js';

const EPOCH = 3;
const AT = 4;
const DEFICIT = 5;
const CURRENT = 6;
const PREVIOUS = 8;

export class BucketCounters extends Algorithm<BucketSpec> {
  readonly slab: CounterSlab;
  private readonly scales = new BucketScales();

  constructor(population: Population) {
    super();
    this.slab = new CounterSlab(7, population);
  }

  read(record: number, spec: BucketSpec, amount: number, now: WallMs): FreshReading {
    const scale = this.scales.of(spec);
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
    const scale = this.scales.of(spec);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    columns[at + EPOCH] = epochStart(scale, now);
    columns[at + AT] = now;
    this.setUnits(record, scale.unitsPerToken);
  }

  count(record: number, spec: BucketSpec, demand: Demand, now: WallMs): ReceiptEntry {
    const scale = this.scales.of(spec);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    this.advance(record, scale, now);
    columns[at + DEFICIT] = drained(columns[at + DEFICIT] ?? 0, demand.amount, scale);
    countAt(columns, at + CURRENT, demand.amount);
    this.setExpiry(record, scale);
    const windowStart = columns[at + EPOCH] ?? 0;
    return { counter: spec, windowStart, amount: demand.amount, holdId: undefined };
  }

  correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean {
    const { counter, windowStart } = entry;
    assert(counter.algorithm === 'token_bucket', 'an entry is corrected by its own algorithm');
    const scale = this.scales.of(counter);
    this.advance(record, scale, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const epoch = columns[at + EPOCH] ?? 0;
    const isPrevious = windowStart === epoch - scale.epochMs;
    if (windowStart !== epoch && !isPrevious) return false;
    const deficit = columns[at + DEFICIT] ?? 0;
    columns[at + DEFICIT] = by < 0 ? restored(deficit, -by, scale) : drained(deficit, by, scale);
    countAt(columns, at + (isPrevious ? PREVIOUS : CURRENT), by);
    this.setExpiry(record, scale);
    return true;
  }

  toRow(record: number): CheckpointRow {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    return {
      kind: 'token_bucket',
      ...this.slab.identityOf(record),
      windowStart: columns[at + EPOCH] ?? 0,
      current: entryAt(columns, at + CURRENT),
      previous: entryAt(columns, at + PREVIOUS),
      level: {
        deficitUnits: columns[at + DEFICIT] ?? 0,
        unitsPerToken: (records.words(record)[at * 2 + OWN_WORD] ?? 1) >>> 0,
        at: columns[at + AT] ?? 0,
      },
    };
  }

  /** The level of a bucket that is in use here is not touched: it has no order to merge by. */
  mergeRow(record: number, row: CheckpointRow): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const start = columns[at + EPOCH] ?? 0;
    if (row.windowStart < start) return;
    if (columns[at + AT] === 0 && row.level !== undefined) {
      columns[at + AT] = row.level.at;
      columns[at + DEFICIT] = row.level.deficitUnits;
      this.setUnits(record, row.level.unitsPerToken);
    }
    if (row.windowStart > start) turnOver(columns, at + CURRENT, false);
    columns[at + EPOCH] = row.windowStart;
    mergeEntryAt(columns, at + CURRENT, row.current);
    mergeEntryAt(columns, at + PREVIOUS, row.previous);
    this.slab.expireAt(record, row.expiresAt);
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
    const follows = (columns[at + EPOCH] ?? 0) + scale.epochMs === start;
    turnOver(columns, at + CURRENT, follows);
    columns[at + EPOCH] = start;
  }

  private setUnits(record: number, unitsPerToken: number): void {
    const { records } = this.slab;
    records.words(record)[records.at(record) * 2 + OWN_WORD] = unitsPerToken;
  }

  /** Both epochs are over and the bucket is full by then. A long epoch is a slow bucket. */
  private setExpiry(record: number, scale: BucketScale): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const { epochMs } = scale;
    const fullAt = (columns[at + AT] ?? 0) + refillTimeMs(columns[at + DEFICIT] ?? 0, 0, scale);
    this.slab.expireAt(record, Math.max(fullAt, (columns[at + EPOCH] ?? 0) + 2 * epochMs));
    if (epochMs > SHORT_WINDOW_MS) this.changed.mark(record);
  }
}

function epochStart(scale: BucketScale, now: WallMs): number {
  return Math.floor(now / scale.epochMs) * scale.epochMs;
}
