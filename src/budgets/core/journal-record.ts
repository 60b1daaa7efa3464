/**
 * The bytes of the journal (ADR 0021). A segment is a header and records; a record is a frame and a debit
 * as JSON:
 *
 *     header  magic 8 | format version u32 | segment number u32 | crc32c of these u32
 *     record  mark 4 | version u8 | payload length u32 | crc32c of these u32 | crc32c of payload u32 | payload
 *
 * Integers are little-endian. The frame has a checksum of its own, so that a length can be believed: a
 * record whose frame is sound and whose payload is short was cut off, anything else was damaged. The mark
 * begins with bytes that UTF-8 never has, so no payload contains it and reading can start anew at the next.
 */
import { assert } from '../../common/assert.js';
import { crc32c } from './crc32c.js';
import type { JournalEntry } from './journal-entry.js';
import { entryJson, readEntryJson } from './journal-json.js';

export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 20;
export const FRAME_BYTES = 17;
/** Far above any debit: the API bounds every field of one. */
export const PAYLOAD_BYTES_MAX = 1 << 20;

const RECORD_VERSION = 1;
const MAGIC = Uint8Array.of(0xff, 0x57, 0x45, 0x49, 0x52, 0x4a, 0x4e, 0x4c);
const MARK = Uint8Array.of(0xff, 0xfe, 0x57, 0x52);
export const MARK_BYTES = MARK.length;

export function encodeHeader(segment: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  view.setUint32(12, segment, true);
  view.setUint32(16, crc32c(bytes.subarray(0, 16)), true);
  return bytes;
}

export type HeaderReading =
  | { readonly kind: 'intact' }
  /** Written by a later version, which may have changed everything after the header. */
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'short' }
  | { readonly kind: 'damaged' };

export function readHeader(bytes: Uint8Array): HeaderReading {
  if (bytes.length < HEADER_BYTES)
    return { kind: startsAlike(bytes, MAGIC) || isZero(bytes) ? 'short' : 'damaged' };
  const view = viewOf(bytes);
  const isSound = crc32c(bytes.subarray(0, 16)) === view.getUint32(16, true);
  if (!startsAlike(bytes, MAGIC) || !isSound) return { kind: 'damaged' };
  const version = view.getUint32(8, true);
  if (version > FORMAT_VERSION) return { kind: 'newer', version };
  return { kind: 'intact' };
}

export function encodeRecord(entry: JournalEntry): Uint8Array {
  const payload = new TextEncoder().encode(entryJson(entry));
  assert(payload.length <= PAYLOAD_BYTES_MAX, 'the API bounds every field of a debit');
  const bytes = new Uint8Array(FRAME_BYTES + payload.length);
  const view = viewOf(bytes);
  bytes.set(MARK);
  view.setUint8(4, RECORD_VERSION);
  view.setUint32(5, payload.length, true);
  view.setUint32(9, crc32c(bytes.subarray(0, 9)), true);
  view.setUint32(13, crc32c(payload), true);
  bytes.set(payload, FRAME_BYTES);
  return bytes;
}

export type RecordReading =
  | { readonly kind: 'intact'; readonly entry: JournalEntry; readonly end: number }
  /** The bytes end before the record does. */
  | { readonly kind: 'short' }
  /** The frame can be believed and the payload cannot. */
  | { readonly kind: 'damaged'; readonly end: number }
  /** Undamaged, and not a debit. */
  | { readonly kind: 'foreign'; readonly end: number }
  /** Not even the length is known. */
  | { readonly kind: 'lost' };

export function readRecord(bytes: Uint8Array, from: number): RecordReading {
  const frame = bytes.subarray(from, from + FRAME_BYTES);
  if (frame.length < FRAME_BYTES)
    return { kind: startsAlike(frame, MARK) || isZero(frame) ? 'short' : 'lost' };
  const view = viewOf(frame);
  const isSound = crc32c(frame.subarray(0, 9)) === view.getUint32(9, true);
  const length = view.getUint32(5, true);
  if (!isSound || !startsAlike(frame, MARK) || length > PAYLOAD_BYTES_MAX) return { kind: 'lost' };
  const end = from + FRAME_BYTES + length;
  if (end > bytes.length) return { kind: 'short' };
  const payload = bytes.subarray(from + FRAME_BYTES, end);
  if (crc32c(payload) !== view.getUint32(13, true)) return { kind: 'damaged', end };
  const entry = view.getUint8(4) === RECORD_VERSION ? readPayload(payload) : undefined;
  return entry === undefined ? { kind: 'foreign', end } : { kind: 'intact', entry, end };
}

/** Where the next record may begin, or the end of the bytes. */
export function nextMark(bytes: Uint8Array, from: number): number {
  for (
    let at = bytes.indexOf(MARK[0] ?? 0, from);
    at >= 0;
    at = bytes.indexOf(MARK[0] ?? 0, at + 1)
  )
    if (startsAlike(bytes.subarray(at, at + MARK.length), MARK)) return at;
  return bytes.length;
}

/** A file system that grew a file and lost what was to be in it leaves zeros. */
export const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

const readPayload = (payload: Uint8Array): JournalEntry | undefined =>
  readEntryJson(new TextDecoder().decode(payload));

/** Equal as far as both go. */
function startsAlike(bytes: Uint8Array, pattern: Uint8Array): boolean {
  return pattern.every((byte, i) => i >= bytes.length || bytes[i] === byte);
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
