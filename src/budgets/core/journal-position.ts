/**
 * Up to where the journal has been replayed. Losing it costs time and nothing else: what is sent again is
 * recognised by its keys.
 */
import { crc32c } from './crc32c.js';

export interface JournalPosition {
  readonly segment: number;
  /** Of the first byte in the segment that has not been replayed. */
  readonly offset: number;
}

const POSITION_BYTES = 12;

export function encodePosition({ segment, offset }: JournalPosition): Uint8Array {
  const bytes = new Uint8Array(POSITION_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, segment, true);
  view.setUint32(4, offset, true);
  view.setUint32(8, crc32c(bytes.subarray(0, 8)), true);
  return bytes;
}

/** Undefined for what is not a position. */
export function readPosition(bytes: Uint8Array): JournalPosition | undefined {
  if (bytes.length !== POSITION_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (crc32c(bytes.subarray(0, 8)) !== view.getUint32(8, true)) return undefined;
  return { segment: view.getUint32(0, true), offset: view.getUint32(4, true) };
}
