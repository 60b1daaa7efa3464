/**
 * Reads what a `ByteWriter` wrote, and what anybody else did: past the end, or where a number is larger
 * than is exact, {@link isSound} is false and everything is 0 from there on.
 */
export class ByteReader {
  private readonly view: DataView;
  private at: number;
  private end: number;
  isSound = true;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
    this.end = bytes.length;
  }

  get isAtEnd(): boolean {
    return !this.isSound || this.at >= this.end;
  }

  byte(): number {
    if (!this.has(1)) return 0;
    return this.bytes[this.at++] ?? 0;
  }

  word(): number {
    if (!this.has(4)) return 0;
    this.at += 4;
    return this.view.getInt32(this.at - 4, true);
  }

  unsigned(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < BYTES_MAX; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.fail();
      scale *= 0x80;
    }
    return this.fail();
  }

  signed(): number {
    const value = this.unsigned();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(): string {
    const length = this.unsigned();
    if (!this.has(length)) return '';
    this.at += length;
    return DECODER.decode(this.bytes.subarray(this.at - length, this.at));
  }

  /** Reads the next `length` bytes as a part, and goes on behind it whatever was read of it. */
  part(length: number, read: () => void): void {
    if (!this.has(length)) return;
    const { end } = this;
    const behind = this.at + length;
    this.end = behind;
    read();
    this.end = end;
    if (this.isSound) this.at = behind;
  }

  private has(count: number): boolean {
    if (this.isSound && this.at + count <= this.end) return true;
    this.fail();
    return false;
  }

  private fail(): number {
    this.isSound = false;
    return 0;
  }
}

/** Of a number below 2^53. */
const BYTES_MAX = 8;
const DECODER = new TextDecoder();
