/**
 * Two rows of one counter, as one. What a process writes only rises, so of the same window the larger of
 * each number is the later one; of different windows the later wins whole. So a write that was given up, and
 * commits after its successor, changes nothing.
 */
import type { CheckpointRow } from './checkpoint.js';
import { mergeEntries } from './tally.js';

/**
 * When a row was true, as far as it says: for a token bucket the time of its level, since its epochs get
 * longer or shorter with its rate.
 */
export const timeOf = ({ windowStart, level }: CheckpointRow): number => level?.at ?? windowStart;

export function mergeRows(known: CheckpointRow, row: CheckpointRow): CheckpointRow {
  if (timeOf(row) < timeOf(known)) return known;
  if (row.windowStart !== known.windowStart) return row;
  return {
    ...row,
    current: mergeEntries(known.current, row.current),
    previous: mergeEntries(known.previous, row.previous),
  };
}
