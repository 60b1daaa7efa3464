/**
 * LZW, least significant bit first, literals of 8 bits, codes of 9 to 12: what Go's `compress/lzw`
 * writes, to the bit. memberlist compresses nothing else.
 *
 * Source: T. Welch, "A Technique for High-Performance Data Compression", 1984; GIF's variant.
 */

const CLEAR = 256;
const END = 257;
const FIRST_WIDTH = 9;
const FIRST_OVERFLOW = 512;
const CODE_MAX = 4095;

/**
 * The table of (code, byte) -> code, open addressing, made once: rather than clear 96 KiB for each
 * packet of 1400 bytes, a generation in the key's high bits makes old entries invisible.
 */
const SLOTS = 1 << 14;
const GENERATIONS = 1 << 11;
const slotKeys = new Uint32Array(SLOTS);
const slotCodes = new Uint16Array(SLOTS);
let generation = 0;

function newGeneration(): void {
  generation = (generation + 1) % GENERATIONS;
  if (generation !== 0) return;
  slotKeys.fill(0);
  generation = 1;
}

export function lzwEncode(input: Uint8Array): Uint8Array {
  return new Encoder(input.length).encode(input);
}

class Encoder {
  private readonly out: Uint8Array;
  private length = 0;
  private bits = 0;
  private bitCount = 0;
  private width = FIRST_WIDTH;
  private high = END;
  private overflow = FIRST_OVERFLOW;

  constructor(inputBytes: number) {
    // 12 bits a byte at worst, and clear, end and padding.
    this.out = new Uint8Array(Math.ceil(inputBytes * 1.51) + 16);
  }

  encode(input: Uint8Array): Uint8Array {
    newGeneration();
    this.put(CLEAR);
    this.body(input);
    this.put(END);
    if (this.bitCount > 0) this.out[this.length++] = this.bits & 0xff;
    return this.out.slice(0, this.length);
  }

  private body(input: Uint8Array): void {
    const first = input[0];
    if (first === undefined) return;
    let code = first;
    for (let at = 1; at < input.length; at++) {
      const byte = input[at] ?? 0;
      const key = (generation << 20) | (code << 8) | byte;
      const slot = findSlot(key);
      if (slotKeys[slot] === key) {
        code = slotCodes[slot] ?? 0;
        continue;
      }
      this.put(code);
      code = byte;
      if (this.grow()) {
        slotKeys[slot] = key;
        slotCodes[slot] = this.high;
      }
    }
    this.put(code);
    this.grow();
  }

  /** Counts one code more. False if the table was full and has been cleared. */
  private grow(): boolean {
    this.high++;
    if (this.high === this.overflow) {
      this.width++;
      this.overflow *= 2;
    }
    if (this.high !== CODE_MAX) return true;
    this.put(CLEAR);
    this.width = FIRST_WIDTH;
    this.high = END;
    this.overflow = FIRST_OVERFLOW;
    newGeneration();
    return false;
  }

  private put(code: number): void {
    this.bits |= code << this.bitCount;
    this.bitCount += this.width;
    while (this.bitCount >= 8) {
      this.out[this.length++] = this.bits & 0xff;
      this.bits >>>= 8;
      this.bitCount -= 8;
    }
  }
}

/** The key's slot, or the free one where it would go: free means of another generation. */
function findSlot(key: number): number {
  let slot = (Math.imul(key, 0x9e37_79b1) >>> 18) & (SLOTS - 1);
  const mine = key >>> 20;
  for (;;) {
    const found = slotKeys[slot] ?? 0;
    if (found === key || found >>> 20 !== mine) return slot;
    slot = (slot + 1) & (SLOTS - 1);
  }
}
