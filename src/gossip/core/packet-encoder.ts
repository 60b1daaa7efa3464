/**
 * Puts messages into one datagram, inside out: compound, compression if it saves bytes, checksum
 * for receivers that know it, encryption, label.
 */
import { concatBytes, u32Bytes } from './bytes.js';
import { compress } from './compression.js';
import { crc32 } from './crc32.js';
import { seal } from './encryption-envelope.js';
import { labelHeader } from './label.js';
import { MessageType } from './message-type.js';
import { sealingKey } from './wire-settings.js';
import type { WireSettings } from './wire-settings.js';

/** Below this nothing shrinks: the wrapper alone takes 14 bytes. */
const COMPRESS_BYTES_MIN = 48;

/** `message` is one message or one compound. */
export function encodePacket(
  settings: WireSettings,
  message: Uint8Array,
  withChecksum: boolean,
): Uint8Array {
  const packed = settings.compression ? shorter(message) : message;
  const summed = withChecksum ? addChecksum(packed) : packed;
  const key = sealingKey(settings);
  const label = settings.labels.own;
  const sealed =
    key === undefined
      ? summed
      : seal(settings.crypto, key, summed, {
          aad: label,
          version: settings.encryptionVersion,
        });
  return label.length === 0 ? sealed : concatBytes([labelHeader(label), sealed]);
}

function shorter(message: Uint8Array): Uint8Array {
  if (message.length < COMPRESS_BYTES_MIN) return message;
  const packed = compress(message);
  return packed.length < message.length ? packed : message;
}

const addChecksum = (bytes: Uint8Array): Uint8Array =>
  concatBytes([Uint8Array.of(MessageType.HAS_CRC), u32Bytes(crc32(bytes)), bytes]);
