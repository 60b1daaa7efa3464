import type { Checkpoint } from './core/checkpoint.js';
import type { EntrySource } from './core/source-table.js';
import type { FingerprintKey } from './core/fingerprint.js';

/**
 * The rows of one counting process, which outlive it. A slot is used by one process at a time; the next one
 * that takes it goes on from its rows (ADR 0040).
 */
export interface CheckpointSlot {
  readonly id: number;
  readonly name: string;
  readonly keyCheck: string;
  /** The run of a replica that counts together with others; undefined of one that counts alone. */
  readonly source?: EntrySource | undefined;
}

/** Whose slot a process wants, and what its fingerprints are made with. */
export type SlotClaim = Omit<CheckpointSlot, 'id'>;

export interface CheckpointPage {
  readonly checkpoint: Checkpoint;
  /** Undefined: this was the last page. */
  readonly next: string | undefined;
}

/** A slot whose process has not been heard of for so long may be taken over. */
export const SLOT_LEASE_MS = 15_000;

/** Rows are kept for so long after their end, by the clock of the store: another clock may be behind it. */
export const ENDED_KEPT_MS = 60_000;

/**
 * Where checkpoints are kept. Adapters: PostgreSQL, and a twin in memory.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached.
 */
export abstract class CheckpointStore {
  /** The secret with which all processes on this store make fingerprints; the first to come proposes it. */
  abstract fingerprintKey(proposed: FingerprintKey): Promise<FingerprintKey>;

  /**
   * The slot of that name; or else one that its process has left, or has not been heard of for
   * {@link SLOT_LEASE_MS}, the latest first, which gets the new name; or else a new one. The slot of a run
   * that counts together is its own: it takes no other, and no other takes it.
   */
  abstract claim(claim: SlotClaim): Promise<CheckpointSlot>;

  /**
   * Merges rows into those of the slot, as `CounterEngine.restore` merges, and renews its lease. False,
   * and nothing is done: another process has taken the slot.
   */
  abstract save(slot: CheckpointSlot, checkpoint: Checkpoint): Promise<boolean>;

  /** The slots of other runs that count together, this one's earlier runs among them. */
  abstract others(slot: CheckpointSlot): Promise<readonly CheckpointSlot[]>;

  /** How many slots have rows that are of no use to this one: of another format of counts, or another key. */
  abstract strange(slot: CheckpointSlot): Promise<number>;

  /** Rows of the slot in the order of their fingerprints, after the one given. */
  abstract load(
    slot: CheckpointSlot,
    rowsMax: number,
    after: string | undefined,
  ): Promise<CheckpointPage>;

  /** Lets another process have the slot at once. */
  abstract release(slot: CheckpointSlot): Promise<void>;

  /** Deletes rows that have been over for {@link ENDED_KEPT_MS}, of any slot. Resolves to how many. */
  abstract prune(rowsMax: number): Promise<number>;
}
