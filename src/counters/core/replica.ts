/**
 * One replica's part in counting together, over all slabs: who it is, what others have counted, and the
 * feeds, which say what they do not know yet. The region's feeds exist while this replica is the relay.
 */
import { CounterKind } from './counter-id.js';
import { PeerEntries } from './peer-entries.js';
import { PendingTakes } from './pending-takes.js';
import { RecencyList } from './recency-list.js';
import { SlabSide } from './slab-side.js';
import { type EntrySource, SourceTable } from './source-table.js';

export type FeedName = 'own' | 'region' | 'foreign';

export class Replica {
  readonly entries = new PeerEntries();
  readonly sources = new SourceTable();
  readonly pending = new PendingTakes();
  readonly sides: readonly [SlabSide, SlabSide, SlabSide];
  /** Counters that are nearly used up and have been counted in since peers were told. */
  readonly urgent = new Set<number>();
  /** How many others count along. */
  peers = 0;
  private readonly own = new RecencyList();
  private relayedHead = 0;
  private relayed: { readonly region: RecencyList; readonly foreign: RecencyList } | undefined;

  /**
   * `entriesMax` bounds what is kept of others, 56 bytes each. A source of which nothing is heard for longer
   * than `silenceMs` was silent: its buckets are spared by the time alone.
   */
  constructor(
    readonly self: EntrySource,
    readonly entriesMax: number,
    readonly silenceMs: number,
  ) {
    this.sides = [
      new SlabSide(CounterKind.WINDOW, this),
      new SlabSide(CounterKind.BUCKET, this),
      new SlabSide(CounterKind.GAUGE, this),
    ];
  }

  get bytes(): number {
    const feeds = [this.own, ...(this.relayed === undefined ? [] : Object.values(this.relayed))];
    const parts = [this.entries, ...this.sides, ...feeds];
    return parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get isFull(): boolean {
    return this.entries.size >= this.entriesMax;
  }

  get isRelay(): boolean {
    return this.relayed !== undefined;
  }

  /** Undefined: this replica is not the relay, and has no such feed. */
  feed(name: FeedName): RecencyList | undefined {
    return name === 'own' ? this.own : this.relayed?.[name];
  }

  /** Feeds that begin again go on from their last position: a peer may remember how far it was. */
  setRelay(isRelay: boolean): void {
    if (isRelay === this.isRelay) return;
    if (this.relayed !== undefined)
      this.relayedHead = Math.max(this.relayed.region.head, this.relayed.foreign.head);
    const head = this.relayedHead;
    const lists = { region: new RecencyList(head), foreign: new RecencyList(head) };
    this.relayed = isRelay ? lists : undefined;
  }

  touchOwn(id: number, isRegional: boolean): void {
    this.own.touch(id);
    if (!isRegional) this.relayed?.region.touch(id);
  }

  /** Another source has counted. */
  touchOther(id: number, source: EntrySource, isRegional: boolean): void {
    if (this.relayed === undefined) return;
    if (source.region !== this.self.region) this.relayed.foreign.touch(id);
    else if (!isRegional) this.relayed.region.touch(id);
  }

  forget(id: number): void {
    this.own.remove(id);
    this.relayed?.region.remove(id);
    this.relayed?.foreign.remove(id);
    this.pending.forget(id);
    this.urgent.delete(id);
  }
}
