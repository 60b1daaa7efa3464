/** Packs what peers do not know yet, as it is now. */
import type { Algorithms } from './algorithms.js';
import { CounterKind, idOf, kindOf, KINDS, recordOf } from './counter-id.js';
import { EntryBlockWriter, type EntryHead } from './entry-block.js';
import type { FeedName, Replica } from './replica.js';
import { SourceEntry } from './source-entry.js';
import type { EntrySource } from './source-table.js';

/** Records looked at for one page: a few tens of microseconds. */
const SCANNED_PER_PAGE = 8_192;
/** A cursor is kind * 2^40 + record. */
const CURSOR_KIND = 2 ** 40;

export class EntryExporter {
  private readonly block = new EntryBlockWriter();
  private readonly entry = new SourceEntry();

  constructor(
    private readonly algorithms: Algorithms,
    private readonly replica: Replica,
  ) {}

  collect(feed: FeedName, after: number, { bytesMax, now }: { bytesMax: number; now: number }) {
    const { block } = this;
    block.begin(now);
    const progress = this.replica.feed(feed)?.collect(after, (id) => {
      if (block.length >= bytesMax) return false;
      this.write(feed, id);
      return true;
    });
    return { entries: block.finish(), ...(progress ?? { to: after, isComplete: true }) };
  }

  takeUrgent(bytesMax: number, now: number): Uint8Array {
    const { urgent } = this.replica;
    this.block.begin(now);
    for (const id of urgent) {
      if (this.block.length >= bytesMax) break;
      this.writeOwn(id);
    }
    return this.block.finish();
  }

  /** What is known of one source. */
  page(source: EntrySource, cursor: number, { bytesMax, now }: { bytesMax: number; now: number }) {
    const number = this.replica.sources.find(source);
    this.block.begin(now);
    if (number === 0) return { entries: this.block.finish(), nextCursor: undefined };
    let kind = Math.floor(cursor / CURSOR_KIND);
    let record = cursor % CURSOR_KIND;
    for (let scanned = 0; kind < KINDS; scanned++) {
      if (scanned >= SCANNED_PER_PAGE || this.block.length >= bytesMax) break;
      const { slab } = this.algorithms.all[kind] ?? this.algorithms.windows;
      if (record >= slab.records.highest) {
        kind += 1;
        record = 0;
      } else {
        this.writeOf(number, idOf(kind as CounterKind, record));
        record += 1;
      }
    }
    const nextCursor = kind < KINDS ? kind * CURSOR_KIND + record : undefined;
    return { entries: this.block.finish(), nextCursor };
  }

  /** After becoming the relay: it is not known what the others know. */
  touchAll(): void {
    for (const side of this.replica.sides) {
      const { slab } = this.algorithms.all[side.kind] ?? this.algorithms.windows;
      for (let record = 0; record < slab.records.highest; record++)
        if (slab.isLive(record)) this.touchRelayed(idOf(side.kind, record));
    }
  }

  private touchRelayed(id: number): void {
    const side = this.replica.sides[kindOf(id)];
    const record = recordOf(id);
    if (!side.isRegional(record)) this.replica.feed('region')?.touch(id);
    this.eachOther(id, (source) => {
      if (source.region !== this.replica.self.region) this.replica.feed('foreign')?.touch(id);
    });
  }

  private write(feed: FeedName, id: number): void {
    if (feed === 'own') this.writeOwn(id);
    else if (feed === 'region' && this.replica.sides[kindOf(id)].isRegional(recordOf(id))) return;
    else if (feed === 'region') this.writeRegion(id);
    else this.writeForeign(id);
  }

  private writeOwn(id: number): void {
    this.replica.sides[kindOf(id)].clearSince(recordOf(id));
    this.replica.urgent.delete(id);
    this.readOwn(id);
    this.put(id, undefined);
  }

  /** What is still being decided is not told. */
  private readOwn(id: number): void {
    const { entry } = this;
    this.algorithms.all[kindOf(id)]?.ownEntry(recordOf(id), entry);
    const { pending } = this.replica;
    if (pending.size === 0) return;
    entry.taken -= pending.in(id, entry.start);
    if (kindOf(id) !== CounterKind.GAUGE) entry.earlierTaken -= pending.in(id, entry.earlierStart);
  }

  /** Each with its source: what is told as a sum is lost with who made it (ADR 0123). */
  private writeRegion(id: number): void {
    const { self } = this.replica;
    this.readOwn(id);
    this.put(id, self);
    this.eachOther(id, (source) => {
      if (source.region === self.region) this.putOther(id, source);
    });
  }

  private writeForeign(id: number): void {
    this.eachOther(id, (source) => {
      if (source.region !== this.replica.self.region) this.putOther(id, source);
    });
  }

  private writeOf(number: number, id: number): void {
    const { entries, sides } = this.replica;
    const link = entries.find(sides[kindOf(id)].firstOf(recordOf(id)), number);
    if (link === 0) return;
    entries.read(link, this.entry);
    this.putOther(id, undefined);
  }

  private eachOther(id: number, visit: (source: EntrySource) => void): void {
    const { entries, sides, sources } = this.replica;
    let link = sides[kindOf(id)].firstOf(recordOf(id));
    while (link !== 0) {
      entries.read(link, this.entry);
      visit(sources.sourceOf(entries.sourceOf(link)));
      link = entries.next(link);
    }
  }

  /** The level of a bucket is that of whoever tells it. */
  private putOther(id: number, source: EntrySource | undefined): void {
    if (kindOf(id) === CounterKind.BUCKET)
      this.algorithms.buckets.levelOf(recordOf(id), this.entry);
    this.put(id, source);
  }

  private put(id: number, source: EntrySource | undefined): void {
    const { entry } = this;
    if (entry.taken === 0 && entry.returned === 0 && !entry.hasEarlier) return;
    this.block.write(this.headOf(id, source), entry);
  }

  private headOf(id: number, source: EntrySource | undefined): EntryHead {
    const kind = kindOf(id);
    const record = recordOf(id);
    const { slab } = this.algorithms.all[kind] ?? this.algorithms.windows;
    const { groupName, ...key } = slab.keyOf(record);
    // What a replica of another region has corrected here is told on.
    const isOurs = source === undefined || source.region === this.replica.self.region;
    const isRegional = isOurs && this.replica.sides[kind].isRegional(record);
    return { kind, key, groupName, source, isRegional, expiresAt: slab.expiryOf(record) };
  }
}
