/**
 * Live counters of one algorithm as records of fixed width, found by fingerprint (ADR 0030 has the
 * measurements that chose it). The slab owns the first three columns of a record, the algorithm the
 * others:
 *
 *   column 0   fingerprint a | fingerprint b
 *   column 1   fingerprint c | number of the group
 *   column 2   second from which on the counter is over | a word for the algorithm
 *
 * Ended counters leave by a sweep that looks at a few records for each one that is opened, so that no
 * call ever pays for all of them. It runs between calls only: a record that a call has found stays.
 */
import { assert } from '../../common/assert.js';
import { type Population } from './population.js';
import { type Fingerprint, fingerprintText } from './fingerprint.js';
import { RecordStore } from './record-store.js';
import { SlabIndex } from './slab-index.js';

/** The first column of an algorithm's own. */
const OWN_COLUMN = 3;
/** The word of column 2 that is an algorithm's own. */
export const OWN_WORD = 5;
/** Not a counter. */
export const ABSENT = -1;

/** Looked at for each counter that is opened: more than one, so that the sweep gains on the openings. */
const SWEPT_PER_OPENING = 4;
/** The group number that marks a free record. */
const FREE = -1;
/** The year 2106; what ends later is never swept before. */
const SECOND_MAX = 0xffff_ffff;

/** What an algorithm has to say about its records leaving. */
export interface SlabHooks {
  /** Asked before a counter whose time has come is dropped; may put it off. */
  readonly isOver?: (record: number, now: number) => boolean;
  /** Told when it is dropped. */
  readonly dropped?: ((record: number) => void) | undefined;
}

export class CounterSlab {
  readonly records: RecordStore;
  private readonly index = new SlabIndex();
  private cursor = 0;
  private sweepDue = 0;

  /** `ownColumns` is how many columns the algorithm needs. */
  constructor(
    ownColumns: number,
    private readonly population: Population,
    private readonly hooks: SlabHooks = {},
  ) {
    this.records = new RecordStore(OWN_COLUMN + ownColumns);
  }

  get size(): number {
    return this.records.size;
  }

  get bytes(): number {
    return this.records.bytes + this.index.bytes;
  }

  find(key: Fingerprint): number {
    const { records, index } = this;
    let record = index.seek(key.c);
    while (record !== ABSENT) {
      const words = records.words(record);
      const at = records.at(record) * 2;
      if (words[at] === key.a && words[at + 1] === key.b) return record;
      record = index.seekNext(key.c);
    }
    return ABSENT;
  }

  /** Whether it is this counter that is there. */
  isAt(record: number, key: Fingerprint): boolean {
    if (record === ABSENT) return false;
    const words = this.records.words(record);
    const at = this.records.at(record) * 2;
    return (
      words[at] === key.a &&
      words[at + 1] === key.b &&
      words[at + 2] === key.c &&
      words[at + 3] !== FREE
    );
  }

  /** A new record; the columns of the algorithm are 0. */
  insert(key: Fingerprint, groupName: string | undefined): number {
    const record = this.records.allocate();
    const words = this.records.words(record);
    const at = this.records.at(record) * 2;
    words[at] = key.a;
    words[at + 1] = key.b;
    words[at + 2] = key.c;
    words[at + 3] = this.population.join(groupName);
    this.index.insert(key.c, record);
    this.sweepDue += SWEPT_PER_OPENING;
    return record;
  }

  expireAt(record: number, ms: number): void {
    const second = Math.min(SECOND_MAX, Math.ceil(ms / 1_000)) | 0;
    this.records.words(record)[this.records.at(record) * 2 + 4] = second;
  }

  /** As {@link expireAt}, and never sooner than was said before. */
  expireNotBefore(record: number, ms: number): void {
    const words = this.records.words(record);
    const at = this.records.at(record) * 2 + 4;
    if (Math.ceil(ms / 1_000) > (words[at] ?? 0) >>> 0) this.expireAt(record, ms);
  }

  /** The fingerprint of a counter, and where it belongs. */
  keyOf(record: number): Fingerprint & { readonly groupName: string | undefined } {
    const words = this.records.words(record);
    const at = this.records.at(record) * 2;
    const [a = 0, b = 0, c = 0, group = 0] = words.subarray(at, at + 4);
    return { a, b, c, groupName: this.population.nameOf(group) };
  }

  /** When the counter is over, to the second. */
  expiryOf(record: number): number {
    const words = this.records.words(record);
    return ((words[this.records.at(record) * 2 + 4] ?? 0) >>> 0) * 1_000;
  }

  /** What names a counter outside of this slab, and until when. */
  identityOf(record: number): {
    readonly fingerprint: string;
    readonly groupName: string | undefined;
    readonly expiresAt: number;
  } {
    const { groupName, ...key } = this.keyOf(record);
    return { fingerprint: fingerprintText(key), groupName, expiresAt: this.expiryOf(record) };
  }

  private groupOf(record: number): number {
    return this.records.words(record)[this.records.at(record) * 2 + 3] ?? FREE;
  }

  isLive(record: number): boolean {
    return record < this.records.highest && this.groupOf(record) !== FREE;
  }

  /** The sweep that earlier openings have made due. */
  sweepAsDue(now: number): void {
    if (this.sweepDue === 0) return;
    this.sweep(this.sweepDue, now);
    this.sweepDue = 0;
  }

  /** Looks at the next `count` records, once around at most, and drops the counters that are over. */
  sweep(count: number, now: number): void {
    const { records } = this;
    const nowSecond = Math.floor(now / 1_000);
    const looks = Math.min(count, records.highest);
    for (let i = 0; i < looks; i++) {
      if (this.cursor >= records.highest) this.cursor = 0;
      const record = this.cursor++;
      const words = records.words(record);
      const at = records.at(record) * 2;
      if ((words[at + 4] ?? 0) >>> 0 > nowSecond || words[at + 3] === FREE) continue;
      if (this.hooks.isOver?.(record, now) ?? true) this.drop(record);
    }
  }

  private drop(record: number): void {
    const group = this.groupOf(record);
    assert(group !== FREE, 'a counter is dropped once');
    this.hooks.dropped?.(record);
    const at = this.records.at(record) * 2;
    this.index.remove(this.records.words(record)[at + 2] ?? 0, record);
    this.population.leave(group);
    this.records.free(record);
    this.records.words(record)[at + 3] = FREE;
  }
}
