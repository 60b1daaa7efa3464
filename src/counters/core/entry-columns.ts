/** Entries as two neighbouring columns of a record: taken, then returned. */
import { type Entry, mergeEntries, raised } from './tally.js';

export function entryAt(columns: Float64Array, at: number): Entry {
  return { taken: columns[at] ?? 0, returned: columns[at + 1] ?? 0 };
}

export function putEntry(columns: Float64Array, at: number, entry: Entry): void {
  columns[at] = entry.taken;
  columns[at + 1] = entry.returned;
}

export function mergeEntryAt(columns: Float64Array, at: number, entry: Entry): void {
  putEntry(columns, at, mergeEntries(entryAt(columns, at), entry));
}

/** Counts a signed amount: what is given back is a second number that rises. */
export function countAt(columns: Float64Array, at: number, by: number): void {
  const column = by < 0 ? at + 1 : at;
  columns[column] = raised(columns[column] ?? 0, Math.abs(by));
}

export function netAt(columns: Float64Array, at: number): number {
  const net = (columns[at] ?? 0) - (columns[at + 1] ?? 0);
  return net > 0 ? net : 0;
}

/** Makes the entry of a window that is over the previous one, or drops it, and begins a new one. */
export function turnOver(columns: Float64Array, current: number, follows: boolean): void {
  columns[current + 2] = follows ? (columns[current] ?? 0) : 0;
  columns[current + 3] = follows ? (columns[current + 1] ?? 0) : 0;
  columns[current] = 0;
  columns[current + 1] = 0;
}
