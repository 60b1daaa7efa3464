/**
 * What other sources have counted, 56 bytes for each counter and source: a list for each counter, which
 * begins at a link that the counter keeps. Merging takes, slot by slot, the larger of each number, so
 * duplicates, reordering and loss cannot miscount.
 *
 *   word 0, 1   the next of the list, as number + 1; the source
 *   column 1    start of the later slot             column 4   start of the earlier one, or the lease
 *   2, 3        taken and returned in it            5, 6       taken and returned in it
 */
import { RecordStore } from './record-store.js';
import { NO_START, type SourceEntry } from './source-entry.js';

const NEXT = 0;
const SOURCE = 1;
const LATER = 1;
const EARLIER = 4;

/** What a merge has taught. */
export interface Growth {
  taken: number;
  returned: number;
  /** A number rose, or a slot or lease is later. */
  isNews: boolean;
}

export class PeerEntries {
  private readonly records = new RecordStore(7);
  /** Of the last merge. */
  readonly growth: Growth = { taken: 0, returned: 0, isNews: false };

  get size(): number {
    return this.records.size;
  }

  get bytes(): number {
    return this.records.bytes;
  }

  next(link: number): number {
    return this.records.words(link - 1)[this.records.at(link - 1) * 2 + NEXT] ?? 0;
  }

  sourceOf(link: number): number {
    return this.records.words(link - 1)[this.records.at(link - 1) * 2 + SOURCE] ?? 0;
  }

  /** The entry of a source in the list that begins at `first`, or 0. */
  find(first: number, source: number): number {
    let link = first;
    while (link !== 0 && this.sourceOf(link) !== source) link = this.next(link);
    return link;
  }

  /** A new entry before the list that begins at `first`. */
  insert(first: number, source: number): number {
    const number = this.records.allocate();
    const words = this.records.words(number);
    const at = this.records.at(number) * 2;
    words[at + NEXT] = first;
    words[at + SOURCE] = source;
    const columns = this.records.numbers(number);
    columns[at / 2 + LATER] = NO_START;
    columns[at / 2 + EARLIER] = NO_START;
    return number + 1;
  }

  free(link: number): void {
    this.records.free(link - 1);
  }

  /** Takes the larger of each; {@link growth} says what was new. */
  merge(link: number, entry: SourceEntry): Growth {
    const { growth } = this;
    growth.taken = 0;
    growth.returned = 0;
    growth.isNews = false;
    if (entry.hasEarlier)
      this.mergeSlot(link, entry.earlierStart, entry.earlierTaken, entry.earlierReturned);
    this.mergeSlot(link, entry.start, entry.taken, entry.returned);
    return growth;
  }

  /** Of a concurrency counter: the lease of the state that is the latest, by what it has counted. */
  mergeGauge(link: number, { taken, returned, leaseEndsAt }: SourceEntry): Growth {
    const columns = this.records.numbers(link - 1);
    const at = this.records.at(link - 1);
    const known = (columns[at + LATER + 1] ?? 0) + (columns[at + LATER + 2] ?? 0);
    const lease = columns[at + EARLIER] ?? 0;
    const { growth } = this;
    growth.isNews = taken + returned > known || (taken + returned === known && leaseEndsAt > lease);
    if (!growth.isNews) return growth;
    columns[at + LATER] = 0;
    columns[at + LATER + 1] = Math.max(columns[at + LATER + 1] ?? 0, taken);
    columns[at + LATER + 2] = Math.max(columns[at + LATER + 2] ?? 0, returned);
    columns[at + EARLIER] = leaseEndsAt;
    return growth;
  }

  read(link: number, into: SourceEntry): void {
    const columns = this.records.numbers(link - 1);
    const at = this.records.at(link - 1);
    into.start = columns[at + LATER] ?? 0;
    into.taken = columns[at + LATER + 1] ?? 0;
    into.returned = columns[at + LATER + 2] ?? 0;
    into.earlierStart = columns[at + EARLIER] ?? 0;
    into.earlierTaken = columns[at + EARLIER + 1] ?? 0;
    into.earlierReturned = columns[at + EARLIER + 2] ?? 0;
    into.leaseEndsAt = into.earlierStart;
  }

  /** Taken in the slot that starts then. */
  takenIn(link: number, start: number): number {
    return this.inSlot(link, start, 1);
  }

  returnedIn(link: number, start: number): number {
    return this.inSlot(link, start, 2);
  }

  leaseOf(link: number): number {
    return this.records.numbers(link - 1)[this.records.at(link - 1) + EARLIER] ?? 0;
  }

  private inSlot(link: number, start: number, column: number): number {
    const columns = this.records.numbers(link - 1);
    const at = this.records.at(link - 1);
    if (columns[at + LATER] === start) return columns[at + LATER + column] ?? 0;
    return columns[at + EARLIER] === start ? (columns[at + EARLIER + column] ?? 0) : 0;
  }

  private mergeSlot(link: number, start: number, taken: number, returned: number): void {
    const columns = this.records.numbers(link - 1);
    const at = this.records.at(link - 1);
    const later = columns[at + LATER] ?? 0;
    if (start > later) {
      columns.copyWithin(at + EARLIER, at + LATER, at + LATER + 3);
      putSlot(columns, at + LATER, start);
    } else if (start < later && start > (columns[at + EARLIER] ?? 0))
      putSlot(columns, at + EARLIER, start);
    const slot = start >= later ? LATER : EARLIER;
    if (columns[at + slot] !== start) return;
    this.raise(columns, at + slot + 1, taken, 'taken');
    this.raise(columns, at + slot + 2, returned, 'returned');
  }

  private raise(columns: Float64Array, at: number, to: number, what: 'taken' | 'returned'): void {
    const known = columns[at] ?? 0;
    if (to <= known) return;
    columns[at] = to;
    this.growth[what] += to - known;
    this.growth.isNews = true;
  }
}

function putSlot(columns: Float64Array, at: number, start: number): void {
  columns[at] = start;
  columns[at + 1] = 0;
  columns[at + 2] = 0;
}
