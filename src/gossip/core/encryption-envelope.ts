/**
 * The encrypted payload: version, nonce, ciphertext, tag. Version 1 is what nodes that speak
 * protocol 2 send; version 0 pads to 16 bytes first and comes from nodes that speak protocol 1.
 * Both are opened, whatever we speak. Every installed key is tried, in the ring's order.
 */
import { concatBytes } from './bytes.js';
import type { GossipCrypto } from './gossip-crypto.js';
import type { Keyring } from './keyring.js';
import { WireError } from './wire-error.js';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;

/** What sealing adds to a payload: version, nonce and tag; version 0 up to a block of padding more. */
export const SEAL_OVERHEAD_BYTES = 1 + NONCE_BYTES + TAG_BYTES;
export const SEAL_OVERHEAD_BYTES_V0 = SEAL_OVERHEAD_BYTES + BLOCK_BYTES;

export type EncryptionVersion = 0 | 1;

/** The length of `seal`'s result, which a stream writes before the payload exists. */
export function sealedLength(plainBytes: number, version: EncryptionVersion): number {
  const padding = version === 0 ? BLOCK_BYTES - (plainBytes % BLOCK_BYTES) : 0;
  return SEAL_OVERHEAD_BYTES + plainBytes + padding;
}

export function seal(
  crypto: GossipCrypto,
  key: Uint8Array,
  plain: Uint8Array,
  options: { readonly aad: Uint8Array; readonly version: EncryptionVersion },
): Uint8Array {
  const nonce = crypto.nonce();
  const padded = options.version === 0 ? pad(plain) : plain;
  const sealed = crypto.seal(key, nonce, padded, options.aad);
  return concatBytes([Uint8Array.of(options.version), nonce, sealed]);
}

/** The plaintext; throws `not-decryptable` if no key of the ring fits. */
export function open(
  crypto: GossipCrypto,
  keyring: Keyring,
  payload: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  const version = payload[0];
  const least = version === 0 ? SEAL_OVERHEAD_BYTES_V0 : SEAL_OVERHEAD_BYTES;
  if (version === undefined || version > 1 || payload.length < least) throw notDecryptable();
  const nonce = payload.subarray(1, 1 + NONCE_BYTES);
  const sealed = payload.subarray(1 + NONCE_BYTES);
  for (const key of keyring.list()) {
    const plain = crypto.open(key, nonce, sealed, aad);
    if (plain !== undefined) return version === 0 ? unpad(plain) : plain;
  }
  throw notDecryptable();
}

function pad(plain: Uint8Array): Uint8Array {
  const count = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  return concatBytes([plain, new Uint8Array(count).fill(count)]);
}

/** PKCS#7: the last byte says how many to cut. It was authenticated, so a wrong one is the sender's. */
function unpad(plain: Uint8Array): Uint8Array {
  const count = plain[plain.length - 1] ?? 0;
  if (count === 0 || count > BLOCK_BYTES || count > plain.length) throw notDecryptable();
  return plain.subarray(0, plain.length - count);
}

const notDecryptable = (): WireError =>
  new WireError('not-decryptable', 'no installed key could decrypt the message');
