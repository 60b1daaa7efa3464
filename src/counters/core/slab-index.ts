/**
 * From a tag of 32 hash bits, as a signed integer, to record numbers: extendible hashing over
 * open-addressed segments. A full segment is split in two, which moves about six thousand entries;
 * nothing ever moves all of them, so no call waits for a table to double.
 *
 * The directory is addressed by the high bits of a tag, the place in a segment by its low bits. A
 * segment is one array, so that a search follows as few pointers as it can: pairs of tag and record + 1
 * (0 is an empty place), then how many there are, and how many high bits their tags have in common.
 *
 * Source: Fagin, Nievergelt, Pippenger, Strong, "Extendible hashing", ACM TODS 1979; linear probing with
 * deletion by moving back, Knuth, TAOCP 3, 6.4, algorithm R.
 */
import { assert, present } from '../../common/assert.js';

const ENTRIES = 8_192;
const MASK = ENTRIES - 1;
const SPLIT_AT = ENTRIES * 0.75;
const COUNT = ENTRIES * 2;
const DEPTH = COUNT + 1;
/** High bits that a directory may use; the 13 lowest address a segment. */
const DEPTH_MAX = 19;

type Segment = Int32Array;

function newSegment(depth: number): Segment {
  const segment = new Int32Array(ENTRIES * 2 + 2);
  segment[DEPTH] = depth;
  return segment;
}

export class SlabIndex {
  private directory: Segment[] = [newSegment(1), newSegment(1)];
  private depth = 1;
  private segments = 2;
  /** Where the last search stands. */
  private found: Segment = NO_ENTRIES;
  private place = 0;

  get bytes(): number {
    return this.segments * NO_ENTRIES.byteLength + this.directory.length * 8;
  }

  /** The first record with this tag, or -1. */
  seek(tag: number): number {
    this.found = this.segmentOf(tag);
    this.place = (tag & MASK) - 1;
    return this.seekNext(tag);
  }

  /** The next record with this tag, or -1. */
  seekNext(tag: number): number {
    const { found } = this;
    let place = (this.place + 1) & MASK;
    while (found[place * 2 + 1] !== 0) {
      if (found[place * 2] === tag) {
        this.place = place;
        return (found[place * 2 + 1] ?? 0) - 1;
      }
      place = (place + 1) & MASK;
    }
    return -1;
  }

  insert(tag: number, record: number): void {
    let segment = this.segmentOf(tag);
    while ((segment[COUNT] ?? 0) >= SPLIT_AT) {
      this.split(segment, tag);
      segment = this.segmentOf(tag);
    }
    insertInto(segment, tag, record);
  }

  remove(tag: number, record: number): void {
    let at = this.seek(tag);
    while (at !== record) {
      assert(at !== -1, 'a record that is removed is in the index');
      at = this.seekNext(tag);
    }
    removeAt(this.found, this.place);
  }

  private segmentOf(tag: number): Segment {
    return this.directory[tag >>> (32 - this.depth)] ?? NO_ENTRIES;
  }

  private split(segment: Segment, tag: number): void {
    const depth = present(segment[DEPTH], 'a segment knows its depth') + 1;
    if (depth > this.depth) this.doubleDirectory();
    const halves = [newSegment(depth), newSegment(depth)] as const;
    for (let i = 0; i < COUNT; i += 2) {
      const stored = segment[i + 1] ?? 0;
      const its = segment[i] ?? 0;
      if (stored !== 0) insertInto(halves[bitOf(its, depth)], its, stored - 1);
    }
    this.replace(halves, depth, tag);
    this.segments += 1;
  }

  private replace(halves: readonly [Segment, Segment], depth: number, tag: number): void {
    const span = 1 << (this.depth - depth);
    const first = ((tag >>> (32 - depth)) & ~1) * span;
    for (let i = 0; i < span; i++) {
      this.directory[first + i] = halves[0];
      this.directory[first + span + i] = halves[1];
    }
  }

  private doubleDirectory(): void {
    assert(this.depth < DEPTH_MAX, 'tags are spread evenly, so a directory stays small');
    this.directory = this.directory.flatMap((segment) => [segment, segment]);
    this.depth += 1;
  }
}

/** Stands for a segment that is not there; there is none such, and the compiler wants to be sure. */
const NO_ENTRIES: Segment = newSegment(0);

const bitOf = (tag: number, depth: number): 0 | 1 => (((tag >>> (32 - depth)) & 1) === 0 ? 0 : 1);

function insertInto(segment: Segment, tag: number, record: number): void {
  let place = tag & MASK;
  while (segment[place * 2 + 1] !== 0) place = (place + 1) & MASK;
  segment[place * 2] = tag;
  segment[place * 2 + 1] = record + 1;
  segment[COUNT] = (segment[COUNT] ?? 0) + 1;
}

/** Fills the gap with the next entry that may stand there, and so on, so that no search stops early. */
function removeAt(segment: Segment, place: number): void {
  let gap = place;
  let next = (gap + 1) & MASK;
  while (segment[next * 2 + 1] !== 0) {
    const home = (segment[next * 2] ?? 0) & MASK;
    if (((next - home) & MASK) >= ((next - gap) & MASK)) {
      segment[gap * 2] = segment[next * 2] ?? 0;
      segment[gap * 2 + 1] = segment[next * 2 + 1] ?? 0;
      gap = next;
    }
    next = (next + 1) & MASK;
  }
  segment[gap * 2 + 1] = 0;
  segment[COUNT] = (segment[COUNT] ?? 0) - 1;
}
