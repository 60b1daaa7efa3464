/**
 * From a tag of 32 hash bits to record numbers: extendible hashing over open-addressed segments. A full
 * segment is split in two, which moves about three thousand entries; nothing ever moves all of them, so
 * no call waits for a table to double.
 *
 * The directory is addressed by the high bits of a tag, the place in a segment by its low bits.
 *
 * Source: Fagin, Nievergelt, Pippenger, Strong, "Extendible hashing", ACM TODS 1979; linear probing with
 * deletion by moving back, Knuth, TAOCP 3, 6.4, algorithm R.
 */
import { assert, present } from '../../common/assert.js';

const SEGMENT_ENTRIES = 4_096;
const MASK = SEGMENT_ENTRIES - 1;
const SPLIT_AT = SEGMENT_ENTRIES * 0.75;
/** High bits that a directory may use; below them are the 12 that address a segment. */
const DEPTH_MAX = 20;

interface Segment {
  /** Pairs of tag and record + 1; a record of 0 is an empty place. */
  readonly entries: Uint32Array;
  count: number;
  /** How many high bits all tags in here have in common. */
  readonly depth: number;
}

const newSegment = (depth: number): Segment => ({
  entries: new Uint32Array(SEGMENT_ENTRIES * 2),
  count: 0,
  depth,
});

export class SlabIndex {
  private directory: Segment[] = [newSegment(1), newSegment(1)];
  private depth = 1;
  private segments = 2;
  /** Where the last search stands. */
  private found: Segment = present(this.directory[0], 'a directory has two segments');
  private place = 0;

  get bytes(): number {
    return this.segments * SEGMENT_ENTRIES * 8 + this.directory.length * 8;
  }

  /** The first record with this tag, or -1. */
  seek(tag: number): number {
    this.found = this.segmentOf(tag);
    this.place = (tag & MASK) - 1;
    return this.seekNext(tag);
  }

  /** The next record with this tag, or -1. */
  seekNext(tag: number): number {
    const { entries } = this.found;
    let place = (this.place + 1) & MASK;
    while (entries[place * 2 + 1] !== 0) {
      if (entries[place * 2] === tag) {
        this.place = place;
        return (entries[place * 2 + 1] ?? 0) - 1;
      }
      place = (place + 1) & MASK;
    }
    return -1;
  }

  insert(tag: number, record: number): void {
    let segment = this.segmentOf(tag);
    while (segment.count >= SPLIT_AT) {
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
    return present(this.directory[tag >>> (32 - this.depth)], 'a directory covers all tags');
  }

  private split(segment: Segment, tag: number): void {
    if (segment.depth === this.depth) this.doubleDirectory();
    const depth = segment.depth + 1;
    const halves = [newSegment(depth), newSegment(depth)] as const;
    const { entries } = segment;
    for (let i = 0; i < entries.length; i += 2) {
      const stored = entries[i + 1] ?? 0;
      const its = entries[i] ?? 0;
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

const bitOf = (tag: number, depth: number): 0 | 1 => (((tag >>> (32 - depth)) & 1) === 0 ? 0 : 1);

function insertInto(segment: Segment, tag: number, record: number): void {
  const { entries } = segment;
  let place = tag & MASK;
  while (entries[place * 2 + 1] !== 0) place = (place + 1) & MASK;
  entries[place * 2] = tag;
  entries[place * 2 + 1] = record + 1;
  segment.count += 1;
}

/** Fills the gap with the next entry that may stand there, and so on, so that no search stops early. */
function removeAt(segment: Segment, place: number): void {
  const { entries } = segment;
  let gap = place;
  let next = (gap + 1) & MASK;
  while (entries[next * 2 + 1] !== 0) {
    const home = (entries[next * 2] ?? 0) & MASK;
    if (((next - home) & MASK) >= ((next - gap) & MASK)) {
      entries[gap * 2] = entries[next * 2] ?? 0;
      entries[gap * 2 + 1] = entries[next * 2 + 1] ?? 0;
      gap = next;
    }
    next = (next + 1) & MASK;
  }
  entries[gap * 2 + 1] = 0;
  segment.count -= 1;
}
