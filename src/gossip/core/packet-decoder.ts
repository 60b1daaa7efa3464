/**
 * Takes a datagram apart: label, encryption, checksum, then messages, which nest. Invariants: never
 * throws; work and memory are bounded whatever the bytes are; when a key is set and incoming
 * packets are verified, nothing of an unauthenticated packet comes out.
 */
import { readU32 } from './bytes.js';
import { decodeCompound } from './compound.js';
import { decompress } from './compression.js';
import { crc32 } from './crc32.js';
import { open } from './encryption-envelope.js';
import { boundLabel, takeLabel } from './label.js';
import { decodeMessage } from './message-decoder.js';
import { MessageType } from './message-type.js';
import type { PacketMessage } from './messages.js';
import { MsgpackReader } from './msgpack-reader.js';
import { WireError } from './wire-error.js';
import type { WireFault } from './wire-error.js';
import type { WireSettings } from './wire-settings.js';

/** Compounds and compressions inside one another. memberlist itself never nests more than two. */
const DEPTH_MAX = 4;

/** All that one packet may expand to: as much as the largest plain packet there can be. */
const EXPANDED_BYTES_MAX = 65_536;

/** Compressed parts of one packet: each costs up to a millisecond, also those that are refused. */
const COMPRESSIONS_MAX = 8;

/** All the messages one packet may hold, however they are nested. */
const MESSAGES_MAX = 2_048;

export interface DecodedPacket {
  readonly messages: readonly PacketMessage[];
  /** One for each part that was not understood; a bad part does not stop the others. */
  readonly faults: readonly WireFault[];
}

export function decodePacket(settings: WireSettings, packet: Uint8Array): DecodedPacket {
  const parts = new PacketParts();
  parts.guard(() => parts.command(checked(opened(settings, packet)), 0));
  return parts;
}

/** The packet without its label and encryption. */
function opened(settings: WireSettings, packet: Uint8Array): Uint8Array {
  if (packet.length === 0) throw new WireError('empty-message', 'empty packet');
  const { label, rest } = takeLabel(packet);
  const aad = boundLabel(settings, label);
  if (settings.keyring.primary === undefined) return rest;
  try {
    return open(settings.crypto, settings.keyring, rest, aad);
  } catch (error) {
    if (error instanceof WireError && !settings.verifyIncoming) return rest;
    throw error;
  }
}

/** The packet without its checksum, which is right. */
function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length < 5 || bytes[0] !== MessageType.HAS_CRC) return bytes;
  const rest = bytes.subarray(5);
  if (crc32(rest) !== readU32(bytes, 1)) throw new WireError('bad-checksum', 'invalid checksum');
  return rest;
}

class PacketParts implements DecodedPacket {
  readonly messages: PacketMessage[] = [];
  readonly faults: WireFault[] = [];
  private expandable = EXPANDED_BYTES_MAX;
  private compressions = 0;

  command(bytes: Uint8Array, depth: number): void {
    if (depth > DEPTH_MAX) throw new WireError('too-deep', 'layers nested too deep');
    if (bytes[0] === MessageType.COMPOUND) return this.compound(bytes.subarray(1), depth);
    if (bytes[0] === MessageType.COMPRESS) return this.compressed(bytes, depth);
    if (this.messages.length >= MESSAGES_MAX) throw new WireError('too-large', 'too many messages');
    this.messages.push(decodeMessage(bytes));
  }

  guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (this.faults.length < MESSAGES_MAX) this.faults.push(error.fault);
    }
  }

  private compound(body: Uint8Array, depth: number): void {
    const { parts, truncated } = decodeCompound(body);
    for (const part of parts) this.guard(() => this.command(part, depth + 1));
    if (truncated > 0) throw new WireError('truncated', `compound lacks ${truncated} parts`);
  }

  private compressed(bytes: Uint8Array, depth: number): void {
    if (++this.compressions > COMPRESSIONS_MAX) {
      throw new WireError('too-large', 'too many compressed parts');
    }
    const expanded = decompress(new MsgpackReader(bytes, 1), this.expandable);
    this.expandable -= expanded.length;
    this.command(expanded, depth + 1);
  }
}
