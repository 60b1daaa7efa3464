/**
 * Several messages in one packet: `07`, a count, the lengths, the messages. Invariant of what we
 * write: at most 127 parts and none empty, because receivers before 0.2.4 read the length table
 * with an 8-bit overflow and panic on an empty part.
 */
import { assert } from '../../common/assert.js';
import { concatBytes, readU16 } from './bytes.js';
import { MessageType } from './message-type.js';
import { WireError } from './wire-error.js';

export const COMPOUND_PARTS_MAX = 127;

/** Type byte and count. */
export const COMPOUND_HEADER_BYTES = 2;

/** The length of one part. */
export const COMPOUND_PART_BYTES = 2;

/** One message stays as it is; more become one compound for each 127. */
export function packMessages(messages: readonly Uint8Array[]): readonly Uint8Array[] {
  if (messages.length <= 1) return messages;
  const packets: Uint8Array[] = [];
  for (let at = 0; at < messages.length; at += COMPOUND_PARTS_MAX) {
    packets.push(encodeCompound(messages.slice(at, at + COMPOUND_PARTS_MAX)));
  }
  return packets;
}

export function encodeCompound(parts: readonly Uint8Array[]): Uint8Array {
  assert(parts.length <= COMPOUND_PARTS_MAX, `compound of ${parts.length} parts`);
  const head = new Uint8Array(COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length);
  head[0] = MessageType.COMPOUND;
  head[1] = parts.length;
  parts.forEach((part, index) => {
    assert(part.length > 0 && part.length < 0x1_0000, `compound part of ${part.length} bytes`);
    head[COMPOUND_HEADER_BYTES + index * 2] = part.length >>> 8;
    head[COMPOUND_HEADER_BYTES + index * 2 + 1] = part.length & 0xff;
  });
  return concatBytes([head, ...parts]);
}

export interface CompoundParts {
  readonly parts: readonly Uint8Array[];
  /** Parts that the lengths promise and the packet does not hold. */
  readonly truncated: number;
}

/** `body` is what follows the type byte. Throws only if the table of lengths itself is cut. */
export function decodeCompound(body: Uint8Array): CompoundParts {
  const count = body[0];
  if (count === undefined || body.length < 1 + 2 * count) {
    throw new WireError('truncated', 'compound: truncated length table');
  }
  const parts: Uint8Array[] = [];
  let at = 1 + 2 * count;
  for (let index = 0; index < count; index++) {
    const end = at + readU16(body, 1 + 2 * index);
    if (end > body.length) return { parts, truncated: count - index };
    parts.push(body.subarray(at, end));
    at = end;
  }
  return { parts, truncated: 0 };
}
