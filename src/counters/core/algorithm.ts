import type { WallMs } from '../../common/time.js';
import { ChangedRecords } from './changed-records.js';
import type { CheckpointRow } from './checkpoint.js';
import type { CounterSpec, Demand, ReceiptEntry } from './counter.js';
import type { CounterSlab } from './counter-slab.js';
import type { FreshReading } from './fresh-reading.js';

/**
 * How one kind of limit keeps its state in a slab and decides from it. `now` never decreases from call
 * to call. Implementations: windows, token buckets, concurrency.
 */
export abstract class Algorithm<Spec extends CounterSpec> {
  abstract readonly slab: CounterSlab;
  /** Counters worth a checkpoint that were counted in since the last one. */
  readonly changed = new ChangedRecords();

  /** What a demand of `amount` finds. Counts nothing; `record` may be ABSENT. */
  abstract read(record: number, spec: Spec, amount: number, now: WallMs): FreshReading;

  /** Prepares a record that was just inserted. */
  abstract open(record: number, spec: Spec, now: WallMs): void;

  abstract count(record: number, spec: Spec, demand: Demand, now: WallMs): ReceiptEntry;

  /** Changes what an entry counts by a signed amount. False: its window is gone, nothing was done. */
  abstract correct(record: number, entry: ReceiptEntry, by: number, now: WallMs): boolean;

  /** What a checkpoint says of a live counter; undefined if its kind has none. */
  abstract toRow(record: number): CheckpointRow | undefined;

  /** Merges a row into a record, which may be new. */
  abstract mergeRow(record: number, row: CheckpointRow): void;
}
