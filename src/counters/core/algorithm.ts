import type { WallMs } from '../../common/time.js';
import { ChangedRecords } from './changed-records.js';
import type { CheckpointRow } from './checkpoint.js';
import type { CounterSpec, Demand, ReceiptEntry } from './counter.js';
import type { CounterSlab } from './counter-slab.js';
import type { FreshReading } from './fresh-reading.js';
import type { SourceEntry } from './source-entry.js';

/** What another source was heard to have counted in a counter, merged into its entries. */
export interface Learned {
  readonly entry: SourceEntry;
  /** By how much what is known of the source has grown. */
  readonly taken: number;
  readonly returned: number;
  /** It is history, and says nothing of what has passed lately. */
  readonly isState: boolean;
  /** How long nothing was heard of the source. */
  readonly gapMs: number;
}

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

  /** What this replica has counted in a counter itself, for others. */
  abstract ownEntry(record: number, into: SourceEntry): void;

  /** Prepares a record that was just inserted because another replica has counted in it. */
  abstract openUnasked(record: number): void;

  /** Others have counted in it. */
  abstract learn(record: number, learned: Learned, now: WallMs): void;
}
