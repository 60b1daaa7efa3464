/**
 * Writes the profile of msgpack that every memberlist reads: maps of at most 15 keys, integers in
 * their shortest unsigned form, and strings and byte arrays alike as "raw". The later forms `str8`
 * and `bin` are never written, because releases on go-msgpack 0.5 refuse them as keys and names.
 *
 * Source: the MessagePack specification, in the dialect that Go's codec of 2013 left behind.
 */
import { assert } from '../../common/assert.js';
import { utf8 } from './bytes.js';

export class MsgpackWriter {
  private bytes: Uint8Array;
  private length = 0;

  constructor(capacityBytes = 128) {
    this.bytes = new Uint8Array(capacityBytes);
  }

  /** What has been written. A copy: the writer may be used again after `reset`. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  mapHeader(entries: number): void {
    assert(entries <= 15, `a map of ${entries} keys has no short form`);
    this.byte(0x80 | entries);
  }

  key(name: string): void {
    this.text(name);
  }

  text(value: string): void {
    if (!this.ascii(value)) this.raw(utf8(value));
  }

  raw(value: Uint8Array): void {
    this.rawHeader(value.length);
    this.append(value);
  }

  nil(): void {
    this.byte(0xc0);
  }

  boolean(value: boolean): void {
    this.byte(value ? 0xc3 : 0xc2);
  }

  unsigned(value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value < 2 ** 32, `not a u32: ${value}`);
    if (value < 0x80) this.byte(value);
    else if (value < 0x100) this.bigEndian(0xcc, value, 1);
    else if (value < 0x1_0000) this.bigEndian(0xcd, value, 2);
    else this.bigEndian(0xce, value, 4);
  }

  append(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.length);
    this.length += value.length;
  }

  /** Short ASCII, which keys and names nearly always are, byte by byte: a call to the encoder is dearer. */
  private ascii(value: string): boolean {
    if (value.length >= 32) return false;
    this.reserve(value.length + 1);
    const start = this.length;
    this.bytes[this.length++] = 0xa0 | value.length;
    for (let at = 0; at < value.length; at++) {
      const code = value.charCodeAt(at);
      if (code > 0x7f) {
        this.length = start;
        return false;
      }
      this.bytes[this.length++] = code;
    }
    return true;
  }

  private rawHeader(length: number): void {
    if (length < 32) this.byte(0xa0 | length);
    else if (length < 0x1_0000) this.bigEndian(0xda, length, 2);
    else this.bigEndian(0xdb, length, 4);
  }

  private bigEndian(head: number, value: number, width: number): void {
    this.byte(head);
    for (let shift = (width - 1) * 8; shift >= 0; shift -= 8) this.byte((value >>> shift) & 0xff);
  }

  private reserve(extra: number): void {
    const needed = this.length + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}
