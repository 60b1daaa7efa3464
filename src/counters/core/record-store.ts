/**
 * Records of fixed width in typed arrays, in chunks of equal size: growing never copies, and a million
 * records are a few hundred objects to the garbage collector. A record is a number; numbers are used
 * again once they are freed. Memory stays at its highest mark.
 */
const CHUNK_BITS = 14;
const CHUNK_RECORDS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_RECORDS - 1;

export class RecordStore {
  private readonly numberChunks: Float64Array[] = [];
  private readonly wordChunks: Int32Array[] = [];
  /** Head of the list of free records, linked through their first word; 0 ends it, so it is one more. */
  private freeHead = 0;
  private used = 0;
  /** Records that were ever in use: all numbers are below. */
  highest = 0;

  /** `width` is in columns of 8 bytes: a float, or two words. */
  constructor(private readonly width: number) {}

  get size(): number {
    return this.used;
  }

  get bytes(): number {
    return this.numberChunks.length * CHUNK_RECORDS * this.width * 8;
  }

  /** A record whose columns are all 0. */
  allocate(): number {
    this.used += 1;
    if (this.freeHead === 0) return this.extend();
    const record = this.freeHead - 1;
    this.freeHead = this.words(record)[this.at(record) * 2] ?? 0;
    this.words(record)[this.at(record) * 2] = 0;
    return record;
  }

  free(record: number): void {
    const at = this.at(record);
    this.numbers(record).fill(0, at, at + this.width);
    this.words(record)[at * 2] = this.freeHead;
    this.freeHead = record + 1;
    this.used -= 1;
  }

  /** The chunk that holds a record; its columns begin at {@link at}. */
  numbers(record: number): Float64Array {
    return this.numberChunks[record >>> CHUNK_BITS] ?? NO_NUMBERS;
  }

  /** The same memory as signed words: column n is words 2n and 2n + 1. */
  words(record: number): Int32Array {
    return this.wordChunks[record >>> CHUNK_BITS] ?? NO_WORDS;
  }

  at(record: number): number {
    return (record & CHUNK_MASK) * this.width;
  }

  private extend(): number {
    if (this.highest === this.numberChunks.length * CHUNK_RECORDS) {
      const chunk = new Float64Array(CHUNK_RECORDS * this.width);
      this.numberChunks.push(chunk);
      this.wordChunks.push(new Int32Array(chunk.buffer));
    }
    this.highest += 1;
    return this.highest - 1;
  }
}

const NO_NUMBERS = new Float64Array(0);
const NO_WORDS = new Int32Array(0);
