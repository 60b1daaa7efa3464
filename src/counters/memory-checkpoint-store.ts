import type { Clock } from '../common/clock.js';
import {
  type CheckpointPage,
  type CheckpointSlot,
  CheckpointStore,
  ENDED_KEPT_MS,
  SLOT_LEASE_MS,
  type SlotClaim,
} from './checkpoint-store.js';
import type { Checkpoint, CheckpointRow } from './core/checkpoint.js';
import type { FingerprintKey } from './core/fingerprint.js';
import { mergeRows } from './core/merge-rows.js';

interface Slot {
  holder: CheckpointSlot;
  seenAt: number;
  isFree: boolean;
  readonly rows: Map<string, CheckpointRow>;
}

/** The checkpoints' twin. For tests and benchmarks. */
export class MemoryCheckpointStore extends CheckpointStore {
  private readonly slots: Slot[] = [];
  private key: FingerprintKey | undefined;

  constructor(private readonly clock: Clock) {
    super();
  }

  async fingerprintKey(proposed: FingerprintKey): Promise<FingerprintKey> {
    this.key ??= proposed;
    return this.key;
  }

  async claim(claim: SlotClaim): Promise<CheckpointSlot> {
    const slot = this.ownSlot(claim) ?? this.abandonedSlot(claim) ?? this.newSlot(claim);
    slot.holder = { ...claim, id: slot.holder.id };
    slot.isFree = false;
    slot.seenAt = this.clock.wallNow();
    return slot.holder;
  }

  async save(slot: CheckpointSlot, { rows }: Checkpoint): Promise<boolean> {
    const held = this.slotOf(slot);
    if (held?.holder.name !== slot.name) return false;
    held.seenAt = this.clock.wallNow();
    held.isFree = false;
    for (const row of rows) {
      const known = held.rows.get(row.fingerprint);
      held.rows.set(row.fingerprint, known === undefined ? row : mergeRows(known, row));
    }
    return true;
  }

  async others({ id, keyCheck }: CheckpointSlot): Promise<readonly CheckpointSlot[]> {
    return this.slots
      .map(({ holder }) => holder)
      .filter((holder) => holder.source !== undefined && holder.keyCheck === keyCheck)
      .filter((holder) => holder.id !== id);
  }

  async strange({ keyCheck }: CheckpointSlot): Promise<number> {
    return this.slots.filter(({ holder, rows }) => holder.keyCheck !== keyCheck && rows.size > 0)
      .length;
  }

  async load(
    slot: CheckpointSlot,
    rowsMax: number,
    after: string | undefined,
  ): Promise<CheckpointPage> {
    const all = [...(this.slotOf(slot)?.rows.values() ?? [])]
      .filter(({ fingerprint }) => after === undefined || fingerprint > after)
      .sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1));
    const rows = all.slice(0, rowsMax);
    const next = all.length > rowsMax ? rows.at(-1)?.fingerprint : undefined;
    return { checkpoint: { keyCheck: slot.keyCheck, source: slot.source, rows }, next };
  }

  async release(slot: CheckpointSlot): Promise<void> {
    const held = this.slotOf(slot);
    if (held?.holder.name !== slot.name) return;
    held.isFree = true;
    held.seenAt = this.clock.wallNow();
  }

  async prune(rowsMax: number): Promise<number> {
    const endedBefore = this.clock.wallNow() - ENDED_KEPT_MS;
    let pruned = 0;
    for (const { rows } of this.slots)
      for (const { fingerprint, expiresAt } of rows.values()) {
        if (pruned === rowsMax) return pruned;
        if (expiresAt < endedBefore && rows.delete(fingerprint)) pruned += 1;
      }
    return pruned;
  }

  private slotOf({ id }: CheckpointSlot): Slot | undefined {
    return this.slots.find(({ holder }) => holder.id === id);
  }

  private ownSlot({ name, keyCheck }: SlotClaim): Slot | undefined {
    return this.slots.find(({ holder }) => holder.name === name && holder.keyCheck === keyCheck);
  }

  private abandonedSlot({ keyCheck, source }: SlotClaim): Slot | undefined {
    if (source !== undefined) return undefined;
    const diedBefore = this.clock.wallNow() - SLOT_LEASE_MS;
    return this.slots
      .filter(({ holder }) => holder.keyCheck === keyCheck && holder.source === undefined)
      .filter(({ isFree, seenAt }) => isFree || seenAt < diedBefore)
      .sort((a, b) => b.seenAt - a.seenAt)[0];
  }

  private newSlot(claim: SlotClaim): Slot {
    const holder = { ...claim, id: this.slots.length + 1 };
    const slot = { holder, seenAt: 0, isFree: false, rows: new Map<string, CheckpointRow>() };
    this.slots.push(slot);
    return slot;
  }
}
