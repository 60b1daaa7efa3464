/**
 * Takes in what other replicas have counted. Nothing that a peer sends can do more than that: what makes
 * no sense is passed over and counted, and there is a bound on how much is kept.
 */
import type { WallMs } from '../../common/time.js';
import type { Algorithm } from './algorithm.js';
import type { Algorithms } from './algorithms.js';
import { ByteReader } from './byte-reader.js';
import { CounterKind, idOf } from './counter-id.js';
import type { CounterSpec } from './counter.js';
import { ABSENT } from './counter-slab.js';
import { type EntryHead, readEntries } from './entry-block.js';
import type { Replica } from './replica.js';
import { SourceEntry } from './source-entry.js';
import { type EntrySource, isSameSource } from './source-table.js';

/** How entries are to be taken. */
export interface EntryArrival {
  /** Whose they are, where an entry does not name its source itself. */
  readonly source: EntrySource;
  /** What was counted is history: a token bucket takes its level, not its growth. */
  readonly isState: boolean;
  /** How long nothing was heard of the source. */
  readonly gapMs: number;
}

export interface EntryOutcome {
  readonly entries: number;
  readonly refused: number;
  readonly isSound: boolean;
}

export class EntryMerger {
  private readonly entry = new SourceEntry();
  /** Buckets that the block at hand has opened: each of its entries tells the level of all. */
  private readonly opened = new Set<number>();

  constructor(
    private readonly algorithms: Algorithms,
    private readonly replica: Replica,
  ) {}

  merge(block: Uint8Array, arrival: EntryArrival, now: WallMs): EntryOutcome {
    const reader = new ByteReader(block);
    this.opened.clear();
    let refused = 0;
    const { entries, unknown } = readEntries(reader, this.entry, (head) => {
      if (!this.mergeOne(head, this.entry, { arrival, now })) refused += 1;
    });
    return { entries, refused: refused + unknown, isSound: reader.isSound };
  }

  /** False: there is no room. */
  mergeOne(
    head: EntryHead,
    entry: SourceEntry,
    { arrival, now }: { arrival: EntryArrival; now: WallMs },
  ): boolean {
    const source = head.source ?? arrival.source;
    if (!this.isNewsFrom(source, head)) return true;
    const algorithm = this.algorithms.all[head.kind];
    if (algorithm === undefined) return false;
    const known = algorithm.slab.find(head.key);
    if (known === ABSENT && endOf(head, entry) <= now) return true;
    const record = known === ABSENT ? this.insert(algorithm, head) : known;
    const link = record === ABSENT ? 0 : this.linkOf(head.kind, record, source);
    if (link === 0) return false;
    this.learn(head, { record, link }, { arrival, now, entry, source });
    return true;
  }

  /** Not our own, told back; and not what counts in another region only. */
  private isNewsFrom(source: EntrySource, { isRegional }: EntryHead): boolean {
    const { self } = this.replica;
    return !isSameSource(source, self) && (!isRegional || source.region === self.region);
  }

  private insert(algorithm: Algorithm<CounterSpec>, head: EntryHead): number {
    if (this.algorithms.population.isFull || this.replica.isFull) return ABSENT;
    const record = algorithm.slab.insert(head.key, head.groupName);
    algorithm.openUnasked(record);
    if (head.kind === CounterKind.BUCKET) this.opened.add(record);
    this.replica.sides[head.kind].setRegional(record, head.isRegional);
    return record;
  }

  /** The entry of a source in a counter; 0 if there is no room for one. */
  private linkOf(kind: CounterKind, record: number, source: EntrySource): number {
    const { entries, sources, sides } = this.replica;
    const side = sides[kind];
    const first = side.firstOf(record);
    const known = entries.find(first, sources.find(source));
    if (known !== 0 || this.replica.isFull) return known;
    const link = entries.insert(first, sources.join(source));
    side.setFirst(record, link);
    return link;
  }

  private learn(
    head: EntryHead,
    { record, link }: { record: number; link: number },
    { arrival, now, entry, source }: Heard,
  ): void {
    const algorithm = this.algorithms.all[head.kind];
    const isGauge = head.kind === CounterKind.GAUGE;
    if (!isGauge) algorithm?.slab.expireNotBefore(record, head.expiresAt);
    const { entries } = this.replica;
    const growth = isGauge ? entries.mergeGauge(link, entry) : entries.merge(link, entry);
    if (!growth.isNews) return;
    const isState =
      arrival.isState || (head.kind === CounterKind.BUCKET && this.opened.has(record));
    algorithm?.learn(record, { ...growth, ...arrival, isState, entry }, now);
    this.replica.touchOther(idOf(head.kind, record), source, head.isRegional);
  }
}

interface Heard {
  readonly arrival: EntryArrival;
  readonly now: WallMs;
  readonly entry: SourceEntry;
  readonly source: EntrySource;
}

const endOf = ({ kind, expiresAt }: EntryHead, entry: SourceEntry): number =>
  kind === CounterKind.GAUGE ? entry.leaseEndsAt : expiresAt;
