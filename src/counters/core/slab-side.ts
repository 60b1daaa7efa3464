/**
 * What an engine that counts together keeps beside each record of one slab: 16 bytes, and its places in
 * the feeds. The algorithm asks it what others have counted, and tells it what it counts itself.
 *
 *   word 0     first of the entries of other sources
 *   word 1     flags
 *   column 1   counted here since peers were last told, to find what is urgent
 */
import { type CounterKind, idOf } from './counter-id.js';
import type { PeerEntries } from './peer-entries.js';
import type { Replica } from './replica.js';
import { SideColumns } from './side-columns.js';

const FIRST = 0;
const FLAGS = 1;
const SINCE = 1;
const REGIONAL = 1;

export class SlabSide {
  private readonly columns = new SideColumns(2);
  readonly entries: PeerEntries;

  constructor(
    readonly kind: CounterKind,
    private readonly replica: Replica,
  ) {
    this.entries = replica.entries;
  }

  get bytes(): number {
    return this.columns.bytes;
  }

  /** A source of which nothing is heard for longer was silent. */
  get silenceMs(): number {
    return this.replica.silenceMs;
  }

  /** The list of what others have counted; 0 if nobody else has. */
  firstOf(record: number): number {
    return this.columns.words(record)[this.columns.at(record) * 2 + FIRST] ?? 0;
  }

  setFirst(record: number, link: number): void {
    this.columns.words(record)[this.columns.at(record) * 2 + FIRST] = link;
  }

  isRegional(record: number): boolean {
    return this.columns.words(record)[this.columns.at(record) * 2 + FLAGS] === REGIONAL;
  }

  setRegional(record: number, isRegional: boolean): void {
    this.columns.words(record)[this.columns.at(record) * 2 + FLAGS] = isRegional ? REGIONAL : 0;
  }

  /** This replica has counted: peers are to be told. */
  touch(record: number): void {
    this.replica.touchOwn(idOf(this.kind, record), this.isRegional(record));
  }

  /** Adds to what was counted since peers were told; gives the sum. */
  addSince(record: number, amount: number): number {
    const columns = this.columns.numbers(record);
    const at = this.columns.at(record) + SINCE;
    columns[at] = (columns[at] ?? 0) + amount;
    return columns[at] ?? 0;
  }

  clearSince(record: number): void {
    this.columns.numbers(record)[this.columns.at(record) + SINCE] = 0;
  }

  /** The record is about to be free. */
  drop(record: number): void {
    for (let link = this.firstOf(record); link !== 0;) {
      const next = this.entries.next(link);
      this.replica.sources.leave(this.entries.sourceOf(link));
      this.entries.free(link);
      link = next;
    }
    this.replica.forget(idOf(this.kind, record));
    this.columns.clear(record);
  }
}
