import {
  type Arrival,
  type Batch,
  CountStore,
  type MergeOutcome,
  type Page,
} from '../cluster/core/count-store.js';
import type { Feed, Source } from '../cluster/core/peer-message.js';
import type { WallMs } from '../common/time.js';
import type { EntryExporter } from './core/entry-exporter.js';
import type { EntryMerger } from './core/entry-merger.js';
import type { Replica } from './core/replica.js';

type Hold = Parameters<CountStore['changeHold']>[0];

/** What the store needs of its engine. */
export interface StoreParts {
  readonly merger: EntryMerger;
  readonly exporter: EntryExporter;
  /** The moment as the engine takes it: it never runs backwards. */
  readonly advance: (now: WallMs) => WallMs;
  readonly latest: () => WallMs;
  readonly changeHold: (hold: Hold, now: WallMs) => boolean;
}

/** The counts of a replicated engine, as the replication machine sees them. */
export class ReplicatedCountStore extends CountStore {
  private urgentListener: () => void = () => undefined;

  constructor(
    private readonly replica: Replica,
    private readonly parts: StoreParts,
  ) {
    super();
  }

  onUrgent(listener: () => void): void {
    this.urgentListener = listener;
  }

  callUrgent(): void {
    this.urgentListener();
  }

  setPeers(count: number): void {
    this.replica.peers = count;
  }

  setRelay(isRelay: boolean): void {
    if (isRelay === this.replica.isRelay) return;
    this.replica.setRelay(isRelay);
    if (isRelay) this.parts.exporter.touchAll();
  }

  head(feed: Feed): number {
    return this.replica.feed(feed)?.head ?? 0;
  }

  collect(feed: Feed, after: number, bytesMax: number): Batch {
    const now = this.moment();
    return this.parts.exporter.collect(feed, after, { bytesMax, now });
  }

  takeUrgent(bytesMax: number): Uint8Array {
    return this.parts.exporter.takeUrgent(bytesMax, this.moment());
  }

  merge(entries: Uint8Array, arrival: Arrival, now: WallMs): MergeOutcome {
    return this.parts.merger.merge(entries, arrival, this.parts.advance(now));
  }

  page(source: Source, cursor: number, bytesMax: number): Page {
    return this.parts.exporter.page(source, cursor, { bytesMax, now: this.moment() });
  }

  changeHold(hold: Hold, now: WallMs): boolean {
    return this.parts.changeHold(hold, now);
  }

  /** Before the first call there is no moment, and nothing to be told either. */
  private moment(): number {
    return Math.max(0, this.parts.latest());
  }
}
