/** Bytes that arrive in pieces, kept in one piece; refuses to grow beyond its limit. */
import { NO_BYTES } from './bytes.js';
import { WireError } from './wire-error.js';

export class ByteQueue {
  private buffer: Uint8Array = NO_BYTES;
  private start = 0;
  private end = 0;

  constructor(private readonly bytesMax: number) {}

  get length(): number {
    return this.end - this.start;
  }

  push(chunk: Uint8Array): void {
    if (this.length + chunk.length > this.bytesMax) {
      throw new WireError('too-large', `stream is over ${this.bytesMax} bytes`);
    }
    this.reserve(chunk.length);
    this.buffer.set(chunk, this.end);
    this.end += chunk.length;
  }

  /** A view, good until the next `push`. */
  peek(): Uint8Array {
    return this.buffer.subarray(this.start, this.end);
  }

  drop(bytes: number): void {
    this.start = Math.min(this.end, this.start + bytes);
  }

  private reserve(extra: number): void {
    if (this.end + extra <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.length + extra, this.buffer.length * 2, 4096));
    grown.set(this.peek());
    this.buffer = grown;
    this.end = this.length;
    this.start = 0;
  }
}
