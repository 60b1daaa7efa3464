/**
 * AES-GCM as the codec needs it. The cipher itself is Node's and stays at the rim; the core decides
 * what is sealed, with which key and which additional data.
 */
export abstract class GossipCrypto {
  /** Ciphertext followed by the 16-byte tag. */
  abstract seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array;

  /** The plaintext, or `undefined` if the tag does not fit. `sealed` ends with the tag. */
  abstract open(
    key: Uint8Array,
    nonce: Uint8Array,
    sealed: Uint8Array,
    aad: Uint8Array,
  ): Uint8Array | undefined;

  /** Twelve bytes that are never used twice with one key. */
  abstract nonce(): Uint8Array;
}
