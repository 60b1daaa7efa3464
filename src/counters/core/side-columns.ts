/**
 * Columns beside the records of a slab, found by the same numbers, for what only some engines need. Chunks
 * come with the first record that lies in them, full of zeros, and stay.
 */
const CHUNK_BITS = 14;
const CHUNK_RECORDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_RECORDS - 1;

export class SideColumns {
  private readonly numberChunks: (Float64Array | undefined)[] = [];
  private readonly wordChunks: (Int32Array | undefined)[] = [];
  private chunks = 0;

  /** `width` is in columns of 8 bytes: a float, or two words. */
  constructor(private readonly width: number) {}

  get bytes(): number {
    return this.chunks * CHUNK_RECORDS * this.width * 8;
  }

  /** The chunk that holds a record; its columns begin at {@link at}. */
  numbers(record: number): Float64Array {
    return this.numberChunks[record >>> CHUNK_BITS] ?? this.extend(record).numbers;
  }

  /** The same memory as signed words: column n is words 2n and 2n + 1. */
  words(record: number): Int32Array {
    return this.wordChunks[record >>> CHUNK_BITS] ?? this.extend(record).words;
  }

  at(record: number): number {
    return (record & CHUNK_MASK) * this.width;
  }

  clear(record: number): void {
    const at = this.at(record);
    this.numbers(record).fill(0, at, at + this.width);
  }

  private extend(record: number): { numbers: Float64Array; words: Int32Array } {
    const numbers = new Float64Array(CHUNK_RECORDS * this.width);
    const words = new Int32Array(numbers.buffer);
    this.numberChunks[record >>> CHUNK_BITS] = numbers;
    this.wordChunks[record >>> CHUNK_BITS] = words;
    this.chunks += 1;
    return { numbers, words };
  }
}
