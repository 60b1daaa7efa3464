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
 *
 * With peers, 112 bytes a counter: the totals are what this replica counts itself, and beside them are
 *
 *   column 10  start of the epoch before    column 11  when the bucket was last full
 *   column 12  what a millisecond refills   column 13  refill that was lost, and not made up for
 *
 * What others are heard to have taken drains the bucket when it is heard. It was taken some time before, and
 * if the bucket was full since then, some of its refill was lost that would not have been: that much is not
 * drained, and of what was lost each unit once, whoever took (ADR 0122). So after a partition a bucket that
 * was full is not in debt for what it would have refilled in time.
 */
import { assert } from '../../common/assert.js';
import type { BucketScale } from '../../common/bucket-scale.js';
import { type WallMs, wallMs } from '../../common/time.js';
import { Algorithm, type Learned } from './algorithm.js';
import { BucketScales } from './bucket-scales.js';
import { type CheckpointRow, SHORT_WINDOW_MS } from './checkpoint.js';
import type { BucketSpec, Demand, ReceiptEntry } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import { countAt, entryAt, mergeEntryAt, turnOver } from './entry-columns.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import type { Population } from './population.js';
import type { SlabSide } from './slab-side.js';
import type { SourceEntry } from './source-entry.js';
import { drained, refilled, refillTimeMs, rescaled, restored } from './token-bucket.js';

const EPOCH = 3;
const AT = 4;
const DEFICIT = 5;
const CURRENT = 6;
const PREVIOUS = 8;
const BEFORE_START = 10;
const FULL_AT = 11;
const UNITS_PER_MS = 12;
const LOST = 13;

export class BucketCounters extends Algorithm<BucketSpec> {
  readonly slab: CounterSlab;
  private readonly scales = new BucketScales();

  constructor(
    population: Population,
    private readonly side?: SlabSide,
  ) {
    super();
    const dropped = side === undefined ? undefined : (record: number) => side.drop(record);
    this.slab = new CounterSlab(side === undefined ? 7 : 11, population, { dropped });
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
    if (this.side === undefined) return;
    columns[at + UNITS_PER_MS] = scale.unitsPerMs;
    columns[at + FULL_AT] = now;
    columns[at + LOST] = 0;
  }

  count(record: number, spec: BucketSpec, demand: Demand, now: WallMs): ReceiptEntry {
    const scale = this.scales.of(spec);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    this.advance(record, scale, now);
    columns[at + DEFICIT] = drained(columns[at + DEFICIT] ?? 0, demand.amount, scale);
    countAt(columns, at + CURRENT, demand.amount);
    this.setExpiry(record, scale);
    this.side?.touch(record);
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
    if (isPrevious && this.side !== undefined) columns[at + BEFORE_START] = windowStart;
    countAt(columns, at + (isPrevious ? PREVIOUS : CURRENT), by);
    this.setExpiry(record, scale);
    this.side?.touch(record);
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
      ...(this.side === undefined ? {} : { previousStart: columns[at + BEFORE_START] }),
      level: {
        deficitUnits: columns[at + DEFICIT] ?? 0,
        unitsPerToken: this.unitsOf(record),
        ...(this.side === undefined ? {} : { unitsPerMs: columns[at + UNITS_PER_MS] }),
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

  ownEntry(record: number, into: SourceEntry): void {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    into.clear();
    into.start = columns[at + EPOCH] ?? 0;
    into.taken = columns[at + CURRENT] ?? 0;
    into.returned = columns[at + CURRENT + 1] ?? 0;
    into.earlierStart = columns[at + BEFORE_START] ?? 0;
    into.earlierTaken = columns[at + PREVIOUS] ?? 0;
    into.earlierReturned = columns[at + PREVIOUS + 1] ?? 0;
    this.levelOf(record, into);
  }

  levelOf(record: number, into: SourceEntry): void {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    into.deficitUnits = columns[at + DEFICIT] ?? 0;
    into.unitsPerToken = this.unitsOf(record);
    into.unitsPerMs = columns[at + UNITS_PER_MS] ?? 0;
    into.levelAt = columns[at + AT] ?? 0;
  }

  openUnasked(): void {
    // Its level is the one that comes with what was heard.
  }

  learn(record: number, { entry, ...learned }: Learned, now: WallMs): void {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    const isNew = columns[at + UNITS_PER_MS] === 0;
    if (isNew) {
      columns[at + UNITS_PER_MS] = entry.unitsPerMs;
      columns[at + AT] = now;
      columns[at + FULL_AT] = now;
      columns[at + LOST] = 0;
      this.setUnits(record, entry.unitsPerToken);
    }
    this.refill(columns, at, now);
    const units = this.unitsOf(record);
    if (isNew || learned.isState) {
      const level = levelNow(entry, columns[at + UNITS_PER_MS] ?? 0, { units, now });
      columns[at + DEFICIT] = Math.max(columns[at + DEFICIT] ?? 0, level);
    } else {
      const net = (learned.taken - learned.returned) * units;
      const deficit =
        (columns[at + DEFICIT] ?? 0) + net - this.spare(columns, at, { net, now, ...learned });
      columns[at + DEFICIT] = Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, deficit));
    }
  }

  private refill(columns: Float64Array, at: number, now: number): void {
    const back = Math.max(0, now - (columns[at + AT] ?? 0)) * (columns[at + UNITS_PER_MS] ?? 0);
    const deficit = (columns[at + DEFICIT] ?? 0) - back;
    columns[at + DEFICIT] = Math.max(0, deficit);
    columns[at + AT] = Math.max(now, columns[at + AT] ?? 0);
    if (deficit <= 0) noteFull(columns, at, { now, lost: -deficit });
  }

  /**
   * What need not be drained of `net` that was taken since the source was last heard, because the bucket lost
   * as much for being full. After a silence what was lost in it cannot be told from what was lost before; then
   * the bucket is taken to have been full until it last was. What was lost longer ago than a silence is forgotten.
   */
  private spare(
    columns: Float64Array,
    at: number,
    { net, gapMs, now }: { net: number; gapMs: number; now: number },
  ): number {
    const unitsPerMs = columns[at + UNITS_PER_MS] ?? 0;
    const silenceMs = this.side?.silenceMs ?? 0;
    const lost = Math.min(columns[at + LOST] ?? 0, silenceMs * unitsPerMs);
    const fullMs = Math.max(0, (columns[at + FULL_AT] ?? 0) - (now - gapMs));
    const most = gapMs <= silenceMs ? Math.min(lost, gapMs * unitsPerMs) : fullMs * unitsPerMs;
    const spared = Math.min(Math.max(0, net), most);
    columns[at + LOST] = Math.max(0, lost - spared);
    return spared;
  }

  private unitsOf(record: number): number {
    const { records } = this.slab;
    return (records.words(record)[records.at(record) * 2 + OWN_WORD] ?? 1) >>> 0;
  }

  private deficitAt(record: number, scale: BucketScale, now: WallMs): number {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    const deficit = rescaled(columns[at + DEFICIT] ?? 0, this.unitsOf(record), scale);
    return refilled(deficit, now - (columns[at + AT] ?? 0), scale);
  }

  /** Brings deficit and epoch up to now. A changed rate counts from the last take on. */
  private advance(record: number, scale: BucketScale, now: WallMs): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const deficit = rescaled(columns[at + DEFICIT] ?? 0, this.unitsOf(record), scale);
    const elapsedMs = now - (columns[at + AT] ?? 0);
    columns[at + DEFICIT] = refilled(deficit, elapsedMs, scale);
    columns[at + AT] = now;
    if (this.side !== undefined) {
      if (this.unitsOf(record) !== scale.unitsPerToken) columns[at + LOST] = 0;
      columns[at + UNITS_PER_MS] = scale.unitsPerMs;
      const lost = elapsedMs * scale.unitsPerMs - deficit;
      if (lost >= 0) noteFull(columns, at, { now, lost });
    }
    this.setUnits(record, scale.unitsPerToken);
    const start = epochStart(scale, now);
    if (columns[at + EPOCH] === start) return;
    if (this.side !== undefined) columns[at + BEFORE_START] = columns[at + EPOCH] ?? 0;
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

/** The level of another replica as of now. Its clock and ours may differ: it is taken as it is. */
function levelNow(
  { deficitUnits, unitsPerToken, levelAt }: SourceEntry,
  unitsPerMs: number,
  { units, now }: { units: number; now: number },
): number {
  const deficit = Math.ceil((deficitUnits * units) / Math.max(1, unitsPerToken));
  return Math.max(0, deficit - Math.max(0, now - levelAt) * unitsPerMs);
}

function noteFull(
  columns: Float64Array,
  at: number,
  { now, lost }: { now: number; lost: number },
): void {
  columns[at + FULL_AT] = now;
  columns[at + LOST] = Math.min(Number.MAX_SAFE_INTEGER, (columns[at + LOST] ?? 0) + lost);
}

function epochStart(scale: BucketScale, now: WallMs): number {
  return Math.floor(now / scale.epochMs) * scale.epochMs;
}
