/**
 * The holds of all concurrency counters, 32 bytes each. Each counter has a heap of its own, ordered by
 * when its holds end, so that a call pays for the ended holds of the counters that it asks and for no
 * others. A pairing heap, since it needs no array per counter: a hold links its first child, its next
 * sibling, and the sibling or parent before it.
 *
 * A hold's id names its record and a serial number, so that an id outlives its hold without ever naming
 * another one.
 *
 *   column 0   when it ends                 column 2   first child | next sibling
 *   column 1   amount | serial number       column 3   before it   | its counter
 *
 * Links are record + 1; 0 is none. Source: Fredman, Sedgewick, Sleator, Tarjan, "The pairing heap", 1986.
 */
import { assert } from '../../common/assert.js';
import { RecordStore } from './record-store.js';

const AMOUNT = 2;
const SERIAL = 3;
const CHILD = 4;
const NEXT = 5;
const BEFORE = 6;
const COUNTER = 7;

/** An id is serial * HOLDS_MAX + record, which stays below 2^53. */
export const HOLDS_MAX = 2 ** 21;
const SERIAL_MAX = 2 ** 32 - 1;

export interface Hold {
  readonly endsAt: number;
  readonly amount: number;
  readonly counter: number;
}

/** The root of a heap without holds. */
export const NO_HOLDS = 0;

export class HoldHeap {
  private readonly records = new RecordStore(4);
  private serial = 0;

  constructor(private readonly holdsMax: number = HOLDS_MAX) {
    assert(holdsMax <= HOLDS_MAX, `there may be ${HOLDS_MAX} holds at most`);
  }

  get size(): number {
    return this.records.size;
  }

  get bytes(): number {
    return this.records.bytes;
  }

  get isFull(): boolean {
    return this.size >= this.holdsMax;
  }

  /** Adds a hold to the heap with this root; gives its id. {@link rootAfter} has the new root. */
  insert(root: number, hold: Hold): number {
    const record = this.records.allocate();
    this.serial = this.serial === SERIAL_MAX ? 1 : this.serial + 1;
    this.records.numbers(record)[this.records.at(record)] = hold.endsAt;
    this.set(record + 1, AMOUNT, hold.amount);
    this.set(record + 1, SERIAL, this.serial);
    this.set(record + 1, COUNTER, hold.counter);
    this.rootAfter = this.meld(root, record + 1);
    return this.serial * HOLDS_MAX + record;
  }

  /** The root of the heap that was changed last. */
  rootAfter = NO_HOLDS;

  /** The hold with this id, if it has neither ended nor been released. */
  find(id: number): Hold | undefined {
    const record = id % HOLDS_MAX;
    if (record >= this.records.highest) return undefined;
    if (this.get(record + 1, SERIAL) !== Math.floor(id / HOLDS_MAX)) return undefined;
    return {
      endsAt: this.endOf(record + 1),
      amount: this.get(record + 1, AMOUNT),
      counter: this.get(record + 1, COUNTER),
    };
  }

  /** When the earliest hold of a heap ends. */
  endOf(root: number): number {
    return this.records.numbers(root - 1)[this.records.at(root - 1)] ?? 0;
  }

  /** What the earliest hold of a heap holds. */
  amountOf(root: number): number {
    return this.get(root, AMOUNT);
  }

  removeEarliest(root: number): void {
    this.rootAfter = this.mergeSiblings(this.get(root, CHILD));
    this.records.free(root - 1);
  }

  /** Takes a hold that {@link find} knows out of its heap. */
  remove(root: number, id: number): void {
    const node = (id % HOLDS_MAX) + 1;
    this.rootAfter = this.without(root, node);
    this.records.free(node - 1);
  }

  /** Moves the end of a hold that {@link find} knows; it keeps its id. */
  postpone(root: number, id: number, endsAt: number): void {
    const node = (id % HOLDS_MAX) + 1;
    const rest = this.without(root, node);
    this.set(node, CHILD, 0);
    this.unlink(node);
    this.records.numbers(node - 1)[this.records.at(node - 1)] = endsAt;
    this.rootAfter = this.meld(rest, node);
  }

  /** The root of the heap without one of its nodes. */
  private without(root: number, node: number): number {
    const children = this.get(node, CHILD);
    if (node === root) return this.mergeSiblings(children);
    this.detach(node);
    return this.meld(root, this.mergeSiblings(children));
  }

  private meld(a: number, b: number): number {
    if (a === 0) return b;
    if (b === 0) return a;
    const [first, second] = this.endOf(a) <= this.endOf(b) ? [a, b] : [b, a];
    const child = this.get(first, CHILD);
    this.set(second, NEXT, child);
    if (child !== 0) this.set(child, BEFORE, second);
    this.set(second, BEFORE, first);
    this.set(first, CHILD, second);
    this.set(first, NEXT, 0);
    this.set(first, BEFORE, 0);
    return first;
  }

  /** In pairs from left to right, then the pairs from right to left: what makes it fast. */
  private mergeSiblings(first: number): number {
    let pairs = 0;
    let node = first;
    while (node !== 0) {
      const partner = this.get(node, NEXT);
      const rest = partner === 0 ? 0 : this.get(partner, NEXT);
      this.unlink(node);
      if (partner !== 0) this.unlink(partner);
      const pair = this.meld(node, partner);
      this.set(pair, NEXT, pairs);
      pairs = pair;
      node = rest;
    }
    return this.mergePairs(pairs);
  }

  private mergePairs(pairs: number): number {
    let root = 0;
    let node = pairs;
    while (node !== 0) {
      const rest = this.get(node, NEXT);
      this.unlink(node);
      root = this.meld(root, node);
      node = rest;
    }
    return root;
  }

  private detach(node: number): void {
    const before = this.get(node, BEFORE);
    const next = this.get(node, NEXT);
    this.set(before, this.get(before, CHILD) === node ? CHILD : NEXT, next);
    if (next !== 0) this.set(next, BEFORE, before);
  }

  private unlink(node: number): void {
    this.set(node, NEXT, 0);
    this.set(node, BEFORE, 0);
  }

  private get(node: number, word: number): number {
    return (this.records.words(node - 1)[this.records.at(node - 1) * 2 + word] ?? 0) >>> 0;
  }

  private set(node: number, word: number, value: number): void {
    this.records.words(node - 1)[this.records.at(node - 1) * 2 + word] = value;
  }
}
