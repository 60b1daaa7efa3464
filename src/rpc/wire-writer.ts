/**
 * Writes protobuf from the end of a message to its beginning. What is inside of a message is written
 * before its length, which is then known: nothing is measured beforehand, and nothing is moved. Fields
 * are therefore written from the last to the first, and lists from their last item.
 *
 * One writer serves one message after another from memory of its own, which grows to the longest.
 */
const CAPACITY_MIN = 4_096;
/** Memory above this is given back after use, so that one large answer is not paid for ever. */
const CAPACITY_KEPT = 1_048_576;

const VARINT = 0;
const BYTES = 2;

export class WireWriter {
  private memory = Buffer.allocUnsafe(CAPACITY_MIN);
  /** Where the last written byte is. */
  private at = CAPACITY_MIN;

  /** Bytes written by now. The difference of two readings is the length of what came between. */
  get written(): number {
    return this.memory.length - this.at;
  }

  /** Forgets what was written: also what a message that could not be finished has left. */
  begin(): void {
    this.at = this.memory.length;
  }

  /** The message, in memory of its own. */
  finish(): Buffer {
    const message = Buffer.allocUnsafe(this.written);
    this.memory.copy(message, 0, this.at);
    if (this.memory.length > CAPACITY_KEPT) this.memory = Buffer.allocUnsafe(CAPACITY_MIN);
    this.begin();
    return message;
  }

  /** A message that was written since `written` was `before`. */
  message(field: number, before: number): void {
    this.varint(this.written - before);
    this.tag(field, BYTES);
  }

  /** What was encoded elsewhere. */
  encoded(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.at -= bytes.length;
    this.memory.set(bytes, this.at);
  }

  /** A text that is not empty; proto3 leaves out the others. */
  text(field: number, value: string): void {
    if (value === '') return;
    const before = this.written;
    this.characters(value);
    this.message(field, before);
  }

  /** An integer, 0 to 2^53 - 1; 0 is left out. */
  integer(field: number, value: number): void {
    if (value === 0) return;
    this.varint(value);
    this.tag(field, VARINT);
  }

  /** Any int64 that is not 0. */
  int64(field: number, value: bigint): void {
    if (value !== 0n) this.presentInt64(field, value);
  }

  presentInt64(field: number, value: bigint): void {
    if (value >= 0n && value <= Number.MAX_SAFE_INTEGER) this.varint(Number(value));
    else this.longVarint(BigInt.asUintN(64, value));
    this.tag(field, VARINT);
  }

  true(field: number, value: boolean): void {
    if (value) this.integer(field, 1);
  }

  private tag(field: number, wireType: number): void {
    this.varint((field << 3) | wireType);
  }

  private varint(value: number): void {
    this.reserve(8);
    if (value < 0x80) {
      this.memory[--this.at] = value;
      return;
    }
    let at = this.at - sizeOf(value);
    this.at = at;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.memory[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.memory[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.memory[at] = rest;
  }

  /** 2^53 and above, and what was negative: up to ten bytes. */
  private longVarint(value: bigint): void {
    const bytes: number[] = [];
    let rest = value;
    while (rest > 0x7fn) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.reserve(bytes.length);
    this.at -= bytes.length;
    this.memory.set(bytes, this.at);
  }

  /** ASCII by hand, which for names of a few dozen characters is faster than a call out of JavaScript. */
  private characters(value: string): void {
    const { length } = value;
    this.reserve(length);
    const start = this.at - length;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return this.utf8(value);
      this.memory[start + i] = unit;
    }
    this.at = start;
  }

  private utf8(value: string): void {
    const length = Buffer.byteLength(value);
    this.reserve(length);
    this.at -= length;
    this.memory.write(value, this.at, 'utf8');
  }

  private reserve(bytes: number): void {
    if (this.at >= bytes) return;
    const { written } = this;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.memory.length, written + bytes));
    this.memory.copy(larger, larger.length - written, this.at);
    this.memory = larger;
    this.at = larger.length - written;
  }
}

function sizeOf(value: number): number {
  let size = 1;
  let most = 0x80;
  while (value >= most) {
    size += 1;
    most *= 128;
  }
  return size;
}
