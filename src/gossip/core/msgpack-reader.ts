/**
 * Reads every form of msgpack that any memberlist reads: wider integers than needed, `str8` and
 * `bin` beside "raw", arrays where a map is usual. Invariant: it never reads past the end, never
 * allocates by a length it has not seen the bytes for, and never recurses deeper than `DEPTH_MAX`.
 */
import { readU16, readU32 } from './bytes.js';
import { WireError } from './wire-error.js';

/** Values that a peer nests inside a field we do not know are skipped only this deep. */
const DEPTH_MAX = 16;

export type MsgpackHead =
  | { readonly kind: 'integer'; readonly value: number }
  | { readonly kind: 'bytes'; readonly value: Uint8Array }
  | { readonly kind: 'nil' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'array'; readonly length: number }
  | { readonly kind: 'map'; readonly length: number }
  | { readonly kind: 'other'; readonly code: number };

export class MsgpackReader {
  constructor(
    private readonly bytes: Uint8Array,
    private at = 0,
  ) {}

  get offset(): number {
    return this.at;
  }

  /** The next value if it is a scalar, or the header of the array or map that follows. */
  next(): MsgpackHead {
    const code = this.byte();
    if (code < 0x80) return { kind: 'integer', value: code };
    if (code < 0x90) return { kind: 'map', length: code & 15 };
    if (code < 0xa0) return { kind: 'array', length: code & 15 };
    if (code < 0xc0) return { kind: 'bytes', value: this.take(code & 31) };
    if (code >= 0xe0) return { kind: 'integer', value: code - 256 };
    return this.longForm(code);
  }

  /** Passes over one value, whatever it is, with everything inside it. */
  skip(depth = 0): void {
    if (depth > DEPTH_MAX) throw new WireError('too-deep', 'msgpack nested too deep');
    const head = this.next();
    if (head.kind === 'other') {
      this.take(skippedWidth(head.code, () => this.unsigned(extensionWidth(head.code))));
    }
    if (head.kind !== 'array' && head.kind !== 'map') return;
    const values = head.kind === 'map' ? head.length * 2 : head.length;
    // Every value takes a byte at least, so a count beyond what is left fails before the loop.
    if (values > this.bytes.length - this.at) throw truncated();
    for (let i = 0; i < values; i++) this.skip(depth + 1);
  }

  take(length: number): Uint8Array {
    if (length > this.bytes.length - this.at) throw truncated();
    const value = this.bytes.subarray(this.at, this.at + length);
    this.at += length;
    return value;
  }

  private longForm(code: number): MsgpackHead {
    switch (code) {
      case 0xc0:
        return { kind: 'nil' };
      case 0xc2:
      case 0xc3:
        return { kind: 'boolean', value: code === 0xc3 };
      case 0xc4:
      case 0xd9:
        return { kind: 'bytes', value: this.take(this.unsigned(1)) };
      case 0xc5:
      case 0xda:
        return { kind: 'bytes', value: this.take(this.unsigned(2)) };
      case 0xc6:
      case 0xdb:
        return { kind: 'bytes', value: this.take(this.unsigned(4)) };
      case 0xdc:
        return { kind: 'array', length: this.unsigned(2) };
      case 0xdd:
        return { kind: 'array', length: this.unsigned(4) };
      case 0xde:
        return { kind: 'map', length: this.unsigned(2) };
      case 0xdf:
        return { kind: 'map', length: this.unsigned(4) };
      default:
        return this.wideInteger(code);
    }
  }

  private wideInteger(code: number): MsgpackHead {
    if (code >= 0xcc && code <= 0xcf) {
      return { kind: 'integer', value: this.unsigned(1 << (code - 0xcc)) };
    }
    if (code >= 0xd0 && code <= 0xd3) {
      return { kind: 'integer', value: this.signed(1 << (code - 0xd0)) };
    }
    return { kind: 'other', code };
  }

  private byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw truncated();
    this.at++;
    return value;
  }

  /** Beyond 2^53 the value is inexact, which does no harm: no field of ours is that wide. */
  private unsigned(width: number): number {
    const raw = this.take(width);
    if (width === 1) return raw[0] ?? 0;
    if (width === 2) return readU16(raw, 0);
    if (width === 4) return readU32(raw, 0);
    return readU32(raw, 0) * 2 ** 32 + readU32(raw, 4);
  }

  private signed(width: number): number {
    const value = this.unsigned(width);
    const half = 2 ** (width * 8 - 1);
    return value >= half ? value - half * 2 : value;
  }
}

/** Floats and extensions: nothing we read, but fields of others may hold them. */
function skippedWidth(code: number, lengthOfExtension: () => number): number {
  if (code === 0xca) return 4;
  if (code === 0xcb) return 8;
  if (code >= 0xd4 && code <= 0xd8) return 1 + (1 << (code - 0xd4));
  if (code >= 0xc7 && code <= 0xc9) return 1 + lengthOfExtension();
  throw new WireError('malformed', `msgpack byte ${code.toString(16)}`);
}

const extensionWidth = (code: number): number => 1 << (code - 0xc7);

const truncated = (): WireError => new WireError('truncated', 'msgpack value is cut short');
