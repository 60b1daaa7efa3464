/**
 * The keys of the cluster, in order; the first seals, all are tried to open. Rotation without loss
 * is three steps, each on every member before the next begins: install, use, remove.
 */
import { sameBytes } from './bytes.js';

/** More keys than this in one ring is a mistake: each makes a forged packet dearer to refuse. */
export const KEYS_MAX = 16;

export type KeyringRefusal = 'bad-length' | 'not-installed' | 'is-primary' | 'too-many';

export class Keyring {
  private keys: readonly Uint8Array[];

  constructor(keys: readonly Uint8Array[] = []) {
    this.keys = [...keys];
  }

  get primary(): Uint8Array | undefined {
    return this.keys[0];
  }

  list(): readonly Uint8Array[] {
    return this.keys;
  }

  /** Adds a key to open with. Installing one that is there is no change; the first becomes primary. */
  install(key: Uint8Array): KeyringRefusal | undefined {
    if (!isKeyLength(key.length)) return 'bad-length';
    if (this.has(key)) return undefined;
    if (this.keys.length >= KEYS_MAX) return 'too-many';
    this.keys = [...this.keys, key];
    return undefined;
  }

  /** Makes an installed key the one to seal with. */
  use(key: Uint8Array): KeyringRefusal | undefined {
    if (!this.has(key)) return 'not-installed';
    this.keys = [key, ...this.keys.filter((other) => !sameBytes(other, key))];
    return undefined;
  }

  /** Removing an absent key is no change; the primary stays, or nobody could be spoken to. */
  remove(key: Uint8Array): KeyringRefusal | undefined {
    if (this.primary !== undefined && sameBytes(this.primary, key)) return 'is-primary';
    this.keys = this.keys.filter((other) => !sameBytes(other, key));
    return undefined;
  }

  private has(key: Uint8Array): boolean {
    return this.keys.some((other) => sameBytes(other, key));
  }
}

/** AES-128, AES-192 or AES-256. */
export const isKeyLength = (bytes: number): boolean => bytes === 16 || bytes === 24 || bytes === 32;
