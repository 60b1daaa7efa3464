/**
 * Fixed and sliding windows in a slab: 64 bytes a counter, one line of the processor's cache. A counter
 * keeps the entry of the window it was last counted in and, of a sliding one, of the window before.
 *
 * Invariant: entries only rise; a new window is a new entry, never an old one set to zero.
 *
 *   own word   unused
 *   column 3   start of the window          column 5   its returned
 *   column 4   its taken                    6, 7       taken and returned of the window before
 */
import type { Interval, WallMs } from '../../common/time.js';
import { Algorithm } from './algorithm.js';
import { admitting, type FreshReading, refusing } from './fresh-reading.js';
import type { Demand, ReceiptEntry, WindowSpec } from './counter.js';
import { ABSENT, CounterSlab } from './counter-slab.js';
import type { Population } from './population.js';
import { fadedCount, slidingFitsAt, type WindowCounts } from './sliding-window.js';
import { raised } from './tally.js';
import { WindowFinder } from './window-finder.js';

const START = 3;
const TAKEN = 4;
const RETURNED = 5;
const OLD_TAKEN = 6;
const OLD_RETURNED = 7;

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
        current = netAt(columns, at + TAKEN);
        if (isSliding) previous = netAt(columns, at + OLD_TAKEN);
      } else if (isSliding && start + (window.end - window.start) === window.start)
        previous = netAt(columns, at + TAKEN);
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
    columns[at + TAKEN] = raised(columns[at + TAKEN] ?? 0, demand.amount);
    return { counter: spec, windowStart: window.start, amount: demand.amount, holdId: undefined };
  }

  correct(record: number, entry: ReceiptEntry, by: number): boolean {
    const { counter, windowStart } = entry;
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const start = columns[at + START] ?? 0;
    const isPrevious =
      counter.algorithm === 'sliding_window' && windowStart === start - lengthOf(counter);
    if (windowStart !== start && !isPrevious) return false;
    const column = at + (isPrevious ? OLD_TAKEN : TAKEN) + (by < 0 ? 1 : 0);
    columns[column] = raised(columns[column] ?? 0, Math.abs(by));
    return true;
  }

  private moveTo(window: Interval, record: number, spec: WindowSpec): void {
    const columns = this.slab.records.numbers(record);
    const at = this.slab.records.at(record);
    const follows =
      spec.algorithm === 'sliding_window' &&
      (columns[at + START] ?? 0) + (window.end - window.start) === window.start;
    columns[at + OLD_TAKEN] = follows ? (columns[at + TAKEN] ?? 0) : 0;
    columns[at + OLD_RETURNED] = follows ? (columns[at + RETURNED] ?? 0) : 0;
    columns[at + TAKEN] = 0;
    columns[at + RETURNED] = 0;
    columns[at + START] = window.start;
    this.slab.expireAt(record, expiryOf(spec, window));
  }
}

const netAt = (columns: Float64Array, taken: number): number => {
  const net = (columns[taken] ?? 0) - (columns[taken + 1] ?? 0);
  return net > 0 ? net : 0;
};

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
