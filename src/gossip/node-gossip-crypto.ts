import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { CipherGCMTypes } from 'node:crypto';
import { GossipCrypto } from './core/gossip-crypto.js';
import { concatBytes } from './core/bytes.js';

const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/** Nonces are drawn in blocks: one call to the kernel's generator for each packet is dear. */
const NONCES_PER_DRAW = 256;

/** AES-GCM by Node's OpenSSL. */
export class NodeGossipCrypto extends GossipCrypto {
  private pool: Uint8Array = new Uint8Array(0);

  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array {
    const cipher = createCipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
    if (aad.length > 0) cipher.setAAD(aad);
    return concatBytes([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    aad: Uint8Array,
  ): Uint8Array | undefined {
    const decipher = createDecipheriv(algorithm(key), key, nonce, { authTagLength: TAG_BYTES });
    if (aad.length > 0) decipher.setAAD(aad);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const plain = decipher.update(sealed.subarray(0, -TAG_BYTES));
    try {
      return concatBytes([plain, decipher.final()]);
    } catch {
      // The tag does not fit: another key, or not for us. The caller counts it.
      return undefined;
    }
  }

  nonce(): Uint8Array {
    if (this.pool.length < NONCE_BYTES) this.pool = randomBytes(NONCE_BYTES * NONCES_PER_DRAW);
    const nonce = this.pool.subarray(0, NONCE_BYTES);
    this.pool = this.pool.subarray(NONCE_BYTES);
    return nonce;
  }
}

function algorithm(key: Uint8Array): CipherGCMTypes {
  if (key.length === 16) return 'aes-128-gcm';
  return key.length === 24 ? 'aes-192-gcm' : 'aes-256-gcm';
}
