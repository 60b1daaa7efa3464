/**
 * Fixed and sliding windows in a slab: 64 bytes a counter, one line of the processor's cache. A counter
 * keeps the entry of the window it was last counted in and, of a sliding one, of the window before.
 *
 * Invariant: entries only rise; a new window is a new entry, never an old one set to zero.
 *
 *   own word   unused
 *   column 3   start of the window
 *   4, 5       taken and returned in it     6, 7       the same of the window before
 */
import { assert } from '../../common/assert.js';
import type { Interval, WallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import { countAt, entryAt, mergeEntryAt, netAt, turnOver } from './entry-columns.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import { type CheckpointRow, SHORT_WINDOW_MS } from './checkpoint.js';
import type { Demand, ReceiptEntry, WindowSpec } from './counter.js';
import { ABSENT, CounterSlab } from './counter-slab.js';
import type { Population } from './population.js';
import { fadedCount, slidingFitsAt, type WindowCounts } from './sliding-window.js';
import { WindowFinder } from './window-finder.js';

const START = 3;
const CURRENT = 4;
const PREVIOUS = 6;

export class WindowCounters extends Algorithm<WindowSpec> {
  readonly slab: CounterSlab;
  private readonly windows = new WindowFinder();

  constructor(population: Population) {
    super();
    this.slab = new CounterSlab(5, population);
  }

  read(record: number, spec: WindowSpec, amount: number, now: WallMs): FreshReading {
    const window = this.windows.of(spec, now);
    const isSliding = spec.algorithm === 'sliding_window';
    let current = 0;
    let previous = 0;
    if (record !== ABSENT) {
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
    if (columns[at + START] !== window.start) this.moveTo(window, record, spec);
    countAt(columns, at + CURRENT, demand.amount);
    if (isLong(spec)) this.changed.mark(record);
    return { counter: spec, windowStart: window.start, amount: demand.amount, holdId: undefined };
  }

  correct(record: number, entry: ReceiptEntry, by: number): boolean {
    const { counter, windowStart } = entry;
    assert('window' in counter, 'an entry is corrected by its own algorithm');
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const start = columns[at + START] ?? 0;
    const isPrevious =
      counter.algorithm === 'sliding_window' && windowStart === start - lengthOf(counter);
    if (windowStart !== start && !isPrevious) return false;
    countAt(columns, at + (isPrevious ? PREVIOUS : CURRENT), by);
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
      current: entryAt(columns, at + CURRENT),
      previous: entryAt(columns, at + PREVIOUS),
      level: undefined,
    };
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

  private moveTo(window: Interval, record: number, spec: WindowSpec): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const follows =
      spec.algorithm === 'sliding_window' &&
      (columns[at + START] ?? 0) + (window.end - window.start) === window.start;
    turnOver(columns, at + CURRENT, follows);
    columns[at + START] = window.start;
    this.slab.expireAt(record, expiryOf(spec, window));
  }
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
