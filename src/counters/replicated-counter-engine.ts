import type { Source } from '../cluster/core/peer-message.js';
import { REPLICATION_DEFAULTS, silenceMsOf } from '../cluster/core/replication-options.js';
import type { WallMs } from '../common/time.js';
import type { Checkpoint } from './core/checkpoint.js';
import { idOf } from './core/counter-id.js';
import type {
  CounterSpec,
  Demand,
  Reading,
  Receipt,
  ReceiptEntry,
  TakeOutcome,
} from './core/counter.js';
import { ABSENT } from './core/counter-slab.js';
import { EntryExporter } from './core/entry-exporter.js';
import { EntryMerger } from './core/entry-merger.js';
import { type FingerprintKey, fingerprintText } from './core/fingerprint.js';
import { Replica } from './core/replica.js';
import type { SlabSide } from './core/slab-side.js';
import type { CounterLimits, CounterStats } from './counter-engine.js';
import { LocalCounterEngine } from './local-counter-engine.js';
import { ReplicatedCountStore } from './replicated-count-store.js';

export interface ReplicatedLimits extends CounterLimits {
  /** Entries of others that may be kept, 56 bytes each: one for each counter and source. */
  readonly entriesMax?: number | undefined;
  /** How far apart the messages of a source may be before it counts as silent. Default: by the default intervals. */
  readonly silenceMs?: number | undefined;
}

/** With three replicas, each counter in use everywhere has two; with three regions of three, eight. */
const ENTRIES_PER_COUNTER = 8;

/**
 * Counts in the memory of this replica what all replicas count. It is the local engine: alone, it does the
 * same. What it counts is told by its store, and what others tell its store counts here.
 */
export class ReplicatedCounterEngine extends LocalCounterEngine {
  /** What is told, and heard. */
  readonly store: ReplicatedCountStore;
  private readonly replica: Replica;
  private readonly merger: EntryMerger;
  private isProvisional = false;

  constructor(limits: ReplicatedLimits, key: FingerprintKey, self: Source) {
    const entriesMax = limits.entriesMax ?? limits.liveMax * ENTRIES_PER_COUNTER;
    const silenceMs = limits.silenceMs ?? silenceMsOf(REPLICATION_DEFAULTS);
    const replica = new Replica(self, entriesMax, silenceMs);
    super(limits, key, replica);
    this.replica = replica;
    this.merger = new EntryMerger(this.algorithms, replica);
    this.store = new ReplicatedCountStore(replica, {
      merger: this.merger,
      exporter: new EntryExporter(this.algorithms, replica),
      advance: (now) => this.begin(now),
      latest: () => this.latest,
      changeHold: (hold, now) => this.changeHold(hold, now),
    });
  }

  /** The same for engines with the same fingerprint key; peers compare the format of counts beside it. */
  get keyCheck(): string {
    this.fingerprints.of('weir');
    return fingerprintText(this.fingerprints);
  }

  override takeProvisionally(demands: readonly Demand[], now: WallMs): TakeOutcome {
    this.isProvisional = true;
    try {
      return this.take(demands, now);
    } finally {
      this.isProvisional = false;
    }
  }

  override commit({ entries }: Receipt, now: WallMs): void {
    const at = this.begin(now);
    for (const entry of entries) {
      const record = this.find(entry.counter);
      if (record === ABSENT || !this.endPending(record, entry)) continue;
      const reading = this.algorithms.of(entry.counter).read(record, entry.counter, 0, at);
      this.sideOf(entry.counter).touch(record);
      this.noteUrgent(record, entry, reading);
    }
  }

  override giveBack(receipt: Receipt, now: WallMs): void {
    if (this.replica.pending.size > 0)
      for (const entry of receipt.entries) this.endPending(this.find(entry.counter), entry);
    super.giveBack(receipt, now);
  }

  override isContended(demands: readonly Demand[]): boolean {
    if (this.replica.urgent.size === 0) return false;
    return demands.some(({ counter, enforced }) => enforced && this.isUrgent(counter));
  }

  override stats(): CounterStats {
    const stats = super.stats();
    return { ...stats, bytes: stats.bytes + this.replica.bytes };
  }

  override checkpoint(rowsMax: number): Checkpoint {
    return { ...super.checkpoint(rowsMax), source: this.replica.self };
  }

  /** Rows that this very run has written are passed over: it knows better. */
  override restore(checkpoint: Checkpoint, now: WallMs): { readonly restored: number } {
    const rows = this.checkpoints.ofUse(checkpoint, this.begin(now));
    this.goOnFrom(rows);
    const source = checkpoint.source ?? UNKNOWN_RUN;
    const context = { arrival: { source, isState: true, gapMs: 0 }, now: this.latest };
    const restored = this.checkpoints.each(rows, (head, entry) =>
      this.merger.mergeOne(head, entry, context),
    );
    return { restored };
  }

  protected override counted(record: number, entry: ReceiptEntry, reading: Reading): void {
    const { counter, windowStart, amount } = entry;
    const side = this.sideOf(counter);
    if (counter.scope === 'region') side.setRegional(record, true);
    if (this.isProvisional) this.replica.pending.add(idOf(side.kind, record), windowStart, amount);
    else this.noteUrgent(record, entry, reading);
  }

  /** A call may be settled by a replica that has not heard yet where it was counted. */
  protected override correctOne(entry: ReceiptEntry, by: number, now: WallMs): void {
    const { counter } = entry;
    if (counter.algorithm !== 'concurrency' && this.find(counter) === ABSENT)
      if (this.population.hasRoomFor(counter.group)) {
        const { slab } = this.algorithms.of(counter);
        this.algorithms
          .of(counter)
          .open(slab.insert(this.fingerprints, counter.group?.name), counter, now);
      }
    super.correctOne(entry, by, now);
  }

  /**
   * What is left may be gone before peers are told in their turn, if each of them has counted as much
   * as this replica since: then they are to be told at once.
   */
  private noteUrgent(record: number, { counter, amount }: ReceiptEntry, reading: Reading): void {
    const { urgent, peers } = this.replica;
    const side = this.sideOf(counter);
    const since = side.addSince(record, amount);
    if (peers === 0 || reading.remaining > since * peers) return;
    urgent.add(idOf(side.kind, record));
    this.store.callUrgent();
  }

  private isUrgent(counter: CounterSpec): boolean {
    const record = this.find(counter);
    return record !== ABSENT && this.replica.urgent.has(idOf(this.sideOf(counter).kind, record));
  }

  private endPending(record: number, { counter, windowStart, amount }: ReceiptEntry): boolean {
    if (record === ABSENT) return false;
    return this.replica.pending.end(idOf(this.sideOf(counter).kind, record), windowStart, amount);
  }

  private sideOf({ algorithm }: CounterSpec): SlabSide {
    const [windows, buckets, gauges] = this.replica.sides;
    if (algorithm === 'token_bucket') return buckets;
    return algorithm === 'concurrency' ? gauges : windows;
  }

  private changeHold({ counterName, holdId, renewMs }: HoldToChange, now: WallMs): boolean {
    const at = this.begin(now);
    this.fingerprints.of(counterName);
    const { concurrency } = this.algorithms;
    const record = concurrency.slab.find(this.fingerprints);
    if (record === ABSENT) return false;
    if (renewMs !== undefined) return concurrency.renew(record, holdId, renewMs, at);
    return concurrency.release(record, holdId, at);
  }
}

interface HoldToChange {
  readonly counterName: string;
  readonly holdId: number;
  readonly renewMs?: number;
}

/** Of rows that an engine has written that counted alone. */
const UNKNOWN_RUN = { replicaId: 'checkpoint', bootId: 'unknown', region: '' };
