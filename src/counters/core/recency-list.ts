/**
 * Counters in the order of their last change, so that what a peer lacks is the end of the list, however
 * long ago it was last told. A counter is in it once, 16 bytes each, and a hot one pays a comparison: what
 * was not collected since it last moved need not move again.
 *
 *   word 0, 1   the counter before it, and after it, as id + 1; 0 is none
 *   column 1    its position; 0: not in the list
 */
import { KINDS, kindOf, recordOf } from './counter-id.js';
import { SideColumns } from './side-columns.js';

const BEFORE = 0;
const AFTER = 1;
const POSITION = 1;

/** Places where collecting stopped that are remembered; one for each peer that is being brought up to date. */
const HINTS_MAX = 64;

export class RecencyList {
  private readonly columns = Array.from({ length: KINDS }, () => new SideColumns(2));
  private first = 0;
  private last = 0;
  /** Everything up to here may have been told to somebody. */
  private told = 0;
  private readonly hints = new Map<number, number>();

  /** `head` is the position of the last change. */
  constructor(public head = 0) {}

  get bytes(): number {
    return this.columns.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** It has changed. */
  touch(id: number): void {
    const position = this.positionOf(id);
    if (position > this.told) return;
    if (position !== 0) this.unlink(id);
    this.append(id);
  }

  remove(id: number): void {
    if (this.positionOf(id) === 0) return;
    this.unlink(id);
    this.setPosition(id, 0);
  }

  positionOf(id: number): number {
    const columns = this.columnsOf(id);
    const record = recordOf(id);
    return columns.numbers(record)[columns.at(record) + POSITION] ?? 0;
  }

  /** Gives what changed after a position, the earliest change first, until `visit` says false. */
  collect(after: number, visit: (id: number) => boolean): { to: number; isComplete: boolean } {
    this.told = this.head;
    let to = after;
    let link = this.firstAfter(after);
    while (link !== 0) {
      if (!visit(link - 1)) return this.stopped(to, link);
      to = this.positionOf(link - 1);
      link = this.get(link - 1, AFTER);
    }
    return { to: this.head, isComplete: true };
  }

  private stopped(to: number, link: number): { to: number; isComplete: boolean } {
    if (this.hints.size >= HINTS_MAX) this.hints.clear();
    this.hints.set(to, link - 1);
    return { to, isComplete: false };
  }

  /** Usually a few steps from the end, or where an earlier call stopped; else from both ends at once. */
  private firstAfter(after: number): number {
    const hint = this.hints.get(after);
    if (hint !== undefined) {
      this.hints.delete(after);
      const before = this.get(hint, BEFORE);
      const isHere = this.positionOf(hint) > after;
      if (isHere && (before === 0 || this.positionOf(before - 1) <= after)) return hint + 1;
    }
    let fromStart = this.first;
    let fromEnd = this.last;
    let found = 0;
    while (fromEnd !== 0 && this.positionOf(fromEnd - 1) > after) {
      if (this.positionOf(fromStart - 1) > after) return fromStart;
      found = fromEnd;
      fromEnd = this.get(fromEnd - 1, BEFORE);
      fromStart = this.get(fromStart - 1, AFTER);
    }
    return found;
  }

  private append(id: number): void {
    this.head += 1;
    this.setPosition(id, this.head);
    this.set(id, BEFORE, this.last);
    this.set(id, AFTER, 0);
    if (this.last === 0) this.first = id + 1;
    else this.set(this.last - 1, AFTER, id + 1);
    this.last = id + 1;
  }

  private unlink(id: number): void {
    const before = this.get(id, BEFORE);
    const after = this.get(id, AFTER);
    if (before === 0) this.first = after;
    else this.set(before - 1, AFTER, after);
    if (after === 0) this.last = before;
    else this.set(after - 1, BEFORE, before);
  }

  private columnsOf(id: number): SideColumns {
    return this.columns[kindOf(id)] ?? NO_COLUMNS;
  }

  private setPosition(id: number, position: number): void {
    const columns = this.columnsOf(id);
    const record = recordOf(id);
    columns.numbers(record)[columns.at(record) + POSITION] = position;
  }

  private get(id: number, word: number): number {
    const columns = this.columnsOf(id);
    const record = recordOf(id);
    return columns.words(record)[columns.at(record) * 2 + word] ?? 0;
  }

  private set(id: number, word: number, link: number): void {
    const columns = this.columnsOf(id);
    const record = recordOf(id);
    columns.words(record)[columns.at(record) * 2 + word] = link;
  }
}

/** There are as many as kinds, and the compiler wants to be sure. */
const NO_COLUMNS = new SideColumns(2);
