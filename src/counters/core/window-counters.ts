/**
 * Fixed and sliding windows in a slab: 64 bytes a counter, one line of the processor's cache. A counter
 * keeps the entry of the window it was last counted in and, of a sliding one, of the window before.
 *
 * Invariant: entries only rise; a new window is a new entry, never an old one set to zero.
 *
 *   own word   whether others have counted in it, and the sums are up to date
 *   column 3   start of the window
 *   4, 5       taken and returned in it     6, 7       the same of the window before
 *
 * With peers, these are sums over all sources, and 104 bytes a counter; what this replica counts itself is
 *
 *   8, 9       taken and returned in the window
 *   10         start of a window before it  11, 12     taken and returned in that
 *
 * Sums are made when the counter is next asked, not when a peer is heard.
 */
import { assert } from '../../common/assert.js';
import type { Interval, WallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import { countAt, entryAt, mergeEntryAt, netAt, turnOver } from './entry-columns.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import { type CheckpointRow, SHORT_WINDOW_MS } from './checkpoint.js';
import type { Demand, ReceiptEntry, WindowSpec } from './counter.js';
import { ABSENT, CounterSlab, OWN_WORD } from './counter-slab.js';
import type { Population } from './population.js';
import type { SlabSide } from './slab-side.js';
import { fadedCount, slidingFitsAt, type WindowCounts } from './sliding-window.js';
import type { SourceEntry } from './source-entry.js';
import { raised } from './tally.js';
import { WindowFinder } from './window-finder.js';

const START = 3;
const CURRENT = 4;
const PREVIOUS = 6;
const OWN = 8;
const OWN_BEFORE_START = 10;
const OWN_BEFORE = 11;

/** Nobody else has counted in it; others have, and were added up; others have, and were not. */
const ALONE = 0;
const HEARD = 1;
const STALE = 2;

export class WindowCounters extends Algorithm<WindowSpec> {
  readonly slab: CounterSlab;
  private readonly windows = new WindowFinder();

  constructor(
    population: Population,
    private readonly side?: SlabSide,
  ) {
    super();
    const dropped = side === undefined ? undefined : (record: number) => side.drop(record);
    this.slab = new CounterSlab(side === undefined ? 5 : 10, population, { dropped });
  }

  read(record: number, spec: WindowSpec, amount: number, now: WallMs): FreshReading {
    const window = this.windows.of(spec, now);
    const isSliding = spec.algorithm === 'sliding_window';
    let current = 0;
    let previous = 0;
    if (record !== ABSENT) {
      if (this.side !== undefined) this.hear(record, spec, window);
      const columns = this.slab.records.numbers(record);
      const at = this.slab.records.at(record);
      const start = columns[at + START] ?? 0;
      if (start === window.start) {
        current = netAt(columns, at + CURRENT);
        if (isSliding) previous = netAt(columns, at + PREVIOUS);
      } else if (isSliding && start + (window.end - window.start) === window.start)
        previous = netAt(columns, at + CURRENT);
    }
    const counted = previous === 0 ? current : current + fadedCount(previous, window, now);
    const { maximum } = spec;
    if (counted + amount <= maximum) return admitting(window, counted, maximum);
    const counts = { previous, current };
    return refusing(window, counted, maximum, retryAfter(spec, counts, { window, now, amount }));
  }

  open(record: number, spec: WindowSpec, now: WallMs): void {
    const window = this.windows.of(spec, now);
    this.slab.records.numbers(record)[this.slab.records.at(record) + START] = window.start;
    this.slab.expireAt(record, expiryOf(spec, window));
  }

  count(record: number, spec: WindowSpec, demand: Demand, now: WallMs): ReceiptEntry {
    const window = this.windows.of(spec, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    if (this.side !== undefined) this.hear(record, spec, window);
    if (columns[at + START] !== window.start) this.moveTo(window, record, spec);
    countAt(columns, at + CURRENT, demand.amount);
    if (this.side !== undefined) countAt(columns, at + OWN, demand.amount);
    this.side?.touch(record);
    if (isLong(spec)) this.changed.mark(record);
    return { counter: spec, windowStart: window.start, amount: demand.amount, holdId: undefined };
  }

  correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean {
    const { counter, windowStart } = entry;
    assert('window' in counter, 'an entry is corrected by its own algorithm');
    if (this.side !== undefined) this.catchUp(record, counter, now);
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const start = columns[at + START] ?? 0;
    const isPrevious =
      counter.algorithm === 'sliding_window' && windowStart === start - lengthOf(counter);
    if (windowStart !== start && !isPrevious) return false;
    countAt(columns, at + (isPrevious ? PREVIOUS : CURRENT), by);
    if (this.side !== undefined) countOwn(columns, at, { isPrevious, windowStart, by });
    this.side?.touch(record);
    if (isLong(counter)) this.changed.mark(record);
    return true;
  }

  toRow(record: number): CheckpointRow {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    return {
      kind: 'window',
      ...this.slab.identityOf(record),
      windowStart: columns[at + START] ?? 0,
      ...(this.side === undefined ? sumsAt(columns, at) : ownAt(columns, at)),
      level: undefined,
    };
  }

  ownEntry(record: number, into: SourceEntry): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    into.clear();
    into.start = columns[at + START] ?? 0;
    into.taken = columns[at + OWN] ?? 0;
    into.returned = columns[at + OWN + 1] ?? 0;
    into.earlierStart = columns[at + OWN_BEFORE_START] ?? 0;
    into.earlierTaken = columns[at + OWN_BEFORE] ?? 0;
    into.earlierReturned = columns[at + OWN_BEFORE + 1] ?? 0;
  }

  openUnasked(): void {
    // Its window is found, and others are added up, when it is first asked.
  }

  learn(record: number): void {
    this.slab.records.words(record)[this.slab.records.at(record) * 2 + OWN_WORD] = STALE;
  }

  mergeRow(record: number, row: CheckpointRow): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const start = columns[at + START] ?? 0;
    if (row.windowStart < start) return;
    if (row.windowStart > start) turnOver(columns, at + CURRENT, false);
    columns[at + START] = row.windowStart;
    mergeEntryAt(columns, at + CURRENT, row.current);
    mergeEntryAt(columns, at + PREVIOUS, row.previous);
    this.slab.expireAt(record, row.expiresAt);
  }

  /** Adds up what others have counted, if that has changed, or the window has. */
  private hear(record: number, spec: WindowSpec, window: Interval): void {
    const { records } = this.slab;
    const at = records.at(record);
    const state = records.words(record)[at * 2 + OWN_WORD];
    if (state === ALONE) return;
    const isMoved = records.numbers(record)[at + START] !== window.start;
    if (state === HEARD && !isMoved) return;
    if (isMoved) this.moveTo(window, record, spec);
    this.addUp(record, spec, window);
    records.words(record)[at * 2 + OWN_WORD] = HEARD;
  }

  /** Moves a counter into the window of now even if nothing is counted there. */
  private catchUp(record: number, spec: WindowSpec, now: WallMs): void {
    const window = this.windows.of(spec, now);
    this.hear(record, spec, window);
    const start = this.slab.records.numbers(record)[this.slab.records.at(record) + START];
    if (start !== window.start) this.moveTo(window, record, spec);
  }

  private addUp(record: number, spec: WindowSpec, { start, end }: Interval): void {
    const { records } = this.slab;
    const columns = records.numbers(record);
    const at = records.at(record);
    columns.copyWithin(at + CURRENT, at + OWN, at + OWN + 2);
    this.addOthers(record, start, CURRENT);
    columns[at + PREVIOUS] = 0;
    columns[at + PREVIOUS + 1] = 0;
    if (spec.algorithm === 'fixed_window') return;
    const before = start - (end - start);
    if (columns[at + OWN_BEFORE_START] === before)
      columns.copyWithin(at + PREVIOUS, at + OWN_BEFORE, at + OWN_BEFORE + 2);
    this.addOthers(record, before, PREVIOUS);
  }

  private addOthers(record: number, start: number, to: number): void {
    const { side } = this;
    if (side === undefined) return;
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record) + to;
    for (let link = side.firstOf(record); link !== 0; link = side.entries.next(link)) {
      columns[at] = raised(columns[at] ?? 0, side.entries.takenIn(link, start));
      columns[at + 1] = raised(columns[at + 1] ?? 0, side.entries.returnedIn(link, start));
    }
  }

  private moveTo(window: Interval, record: number, spec: WindowSpec): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    if (this.side !== undefined) turnOwn(columns, at);
    const follows =
      spec.algorithm === 'sliding_window' &&
      (columns[at + START] ?? 0) + (window.end - window.start) === window.start;
    turnOver(columns, at + CURRENT, follows);
    columns[at + START] = window.start;
    this.slab.expireNotBefore(record, expiryOf(spec, window));
  }
}

const sumsAt = (columns: Float64Array, at: number) => ({
  current: entryAt(columns, at + CURRENT),
  previous: entryAt(columns, at + PREVIOUS),
});

const ownAt = (columns: Float64Array, at: number) => ({
  current: entryAt(columns, at + OWN),
  previous: entryAt(columns, at + OWN_BEFORE),
  previousStart: columns[at + OWN_BEFORE_START],
});

/** What was counted here in the window that is over becomes that of the window before. */
function turnOwn(columns: Float64Array, at: number): void {
  columns[at + OWN_BEFORE_START] = columns[at + START] ?? 0;
  columns.copyWithin(at + OWN_BEFORE, at + OWN, at + OWN + 2);
  columns[at + OWN] = 0;
  columns[at + OWN + 1] = 0;
}

/** A correction may be of a window in which only others have counted. */
function countOwn(
  columns: Float64Array,
  at: number,
  { isPrevious, windowStart, by }: { isPrevious: boolean; windowStart: number; by: number },
): void {
  if (isPrevious && columns[at + OWN_BEFORE_START] !== windowStart) {
    columns[at + OWN_BEFORE_START] = windowStart;
    columns[at + OWN_BEFORE] = 0;
    columns[at + OWN_BEFORE + 1] = 0;
  }
  countAt(columns, at + (isPrevious ? OWN_BEFORE : OWN), by);
}

/** Whether a checkpoint of it could still be of use after a restart. */
const isLong = ({ window }: WindowSpec): boolean =>
  window.kind === 'duration'
    ? window.durationMs > SHORT_WINDOW_MS
    : window.kind === 'calendar' && window.unit !== 'minute';

const lengthOf = (spec: WindowSpec): number =>
  spec.window.kind === 'duration' ? spec.window.durationMs : Number.NaN;

/** A sliding window is still seen from the one that follows it. */
function expiryOf(spec: WindowSpec, { start, end }: Interval): number {
  return spec.algorithm === 'sliding_window' ? end + (end - start) : end;
}

function retryAfter(
  spec: WindowSpec,
  counts: WindowCounts,
  { window, now, amount }: { window: Interval; now: number; amount: number },
): number | undefined {
  const room = spec.maximum - amount;
  if (room < 0) return undefined;
  if (spec.algorithm === 'fixed_window') return window.end - now;
  return slidingFitsAt(counts, window, now, room) - now;
}
