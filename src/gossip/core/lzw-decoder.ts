/**
 * Undoes `lzwEncode`, and every other encoder of the same format. Invariants: never more than
 * `bytesMax` of output whatever the input claims (a packet of 1400 bytes can expand to 3 MiB), and
 * every bad code is an error, never a wrong byte.
 */
import { WireError } from './wire-error.js';

const CLEAR = 256;
const END = 257;
const WIDTH_MAX = 12;
const TABLE_SIZE = 1 << WIDTH_MAX;
const NONE = -1;

/**
 * Scratch of the decoder: a code is its prefix, its last byte, its first byte and its length.
 * Shared by all calls, which are synchronous: one table of 28 KiB instead of one for each packet.
 */
const prefix = new Uint16Array(TABLE_SIZE);
const lastByte = new Uint8Array(TABLE_SIZE);
const firstByte = new Uint8Array(TABLE_SIZE);
const lengths = new Uint16Array(TABLE_SIZE);
for (let literal = 0; literal < 256; literal++) {
  lastByte[literal] = literal;
  firstByte[literal] = literal;
  lengths[literal] = 1;
}

export function lzwDecode(input: Uint8Array, bytesMax: number): Uint8Array {
  return new Decoder(input, bytesMax).decode();
}

class Decoder {
  private out: Uint8Array;
  private length = 0;
  private at = 0;
  private bits = 0;
  private bitCount = 0;
  private width = 9;
  private high = END;
  private last = NONE;

  constructor(
    private readonly input: Uint8Array,
    private readonly bytesMax: number,
  ) {
    this.out = new Uint8Array(Math.min(bytesMax, input.length * 4 + 64));
  }

  decode(): Uint8Array {
    for (;;) {
      const code = this.nextCode();
      if (code === END) return this.out.slice(0, this.length);
      if (code === CLEAR) this.clear();
      else this.expand(code);
    }
  }

  private clear(): void {
    this.width = 9;
    this.high = END;
    this.last = NONE;
  }

  private expand(code: number): void {
    this.learn(code);
    this.write(code);
    this.last = code;
    this.high++;
    if (this.high < 1 << this.width) return;
    if (this.width < WIDTH_MAX) this.width++;
    else {
      // The table is full: it stays as it is until the encoder clears it.
      this.high--;
      this.last = NONE;
    }
  }

  /** Adds the entry that this code completes: the previous expansion and this one's first byte. */
  private learn(code: number): void {
    const known = code < 256 || (code > END && code < this.high) || this.isFrozenTop(code);
    const isNext = code === this.high && this.last !== NONE;
    if (!known && !isNext) throw new WireError('bad-compression', `lzw code ${code} is unknown`);
    if (this.last === NONE || this.high >= TABLE_SIZE) return;
    prefix[this.high] = this.last;
    firstByte[this.high] = firstByte[this.last] ?? 0;
    lastByte[this.high] = firstByte[isNext ? this.last : code] ?? 0;
    lengths[this.high] = (lengths[this.last] ?? 0) + 1;
  }

  private isFrozenTop(code: number): boolean {
    return this.last === NONE && code === this.high && this.high === TABLE_SIZE - 1;
  }

  private write(code: number): void {
    const size = lengths[code] ?? 0;
    this.reserve(size);
    let at = this.length + size;
    this.length = at;
    for (let rest = code, left = size; left > 0; left--) {
      this.out[--at] = lastByte[rest] ?? 0;
      rest = prefix[rest] ?? 0;
    }
  }

  private reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed > this.bytesMax) {
      throw new WireError('too-large', `decompressed data is over ${this.bytesMax} bytes`);
    }
    if (needed <= this.out.length) return;
    const grown = new Uint8Array(Math.min(this.bytesMax, Math.max(needed, this.out.length * 2)));
    grown.set(this.out.subarray(0, this.length));
    this.out = grown;
  }

  private nextCode(): number {
    while (this.bitCount < this.width) {
      const byte = this.input[this.at++];
      if (byte === undefined) throw new WireError('bad-compression', 'lzw data is cut short');
      this.bits |= byte << this.bitCount;
      this.bitCount += 8;
    }
    const code = this.bits & ((1 << this.width) - 1);
    this.bits >>>= this.width;
    this.bitCount -= this.width;
    return code;
  }
}
