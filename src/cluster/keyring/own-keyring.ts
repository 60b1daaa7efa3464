import { unreachable } from '../../common/assert.js';
import type { Keyring, KeyringRefusal } from '../../gossip/core/keyring.js';
import { keyIdOf } from './key-id.js';

/** One step of a rotation, as it is asked of one replica. */
export type KeyOperation =
  | { readonly kind: 'list' }
  | { readonly kind: 'install'; readonly key: Uint8Array }
  | { readonly kind: 'use'; readonly keyId: string }
  | { readonly kind: 'remove'; readonly keyId: string };

/** What a replica answers; it has changed nothing if there is a problem. */
export interface KeyOutcome {
  /** Empty: done. */
  readonly problem: string;
  /** The first one seals. */
  readonly keyIds: readonly string[];
}

export function applyToKeyring(keyring: Keyring, operation: KeyOperation): KeyOutcome {
  const problem = change(keyring, operation);
  return { problem, keyIds: keyring.list().map(keyIdOf) };
}

function change(keyring: Keyring, operation: KeyOperation): string {
  switch (operation.kind) {
    case 'list':
      return '';
    case 'install':
      return textOf(keyring.install(operation.key));
    case 'use': {
      const key = find(keyring, operation.keyId);
      return textOf(key === undefined ? 'not-installed' : keyring.use(key));
    }
    case 'remove': {
      const key = find(keyring, operation.keyId);
      return key === undefined ? '' : textOf(keyring.remove(key));
    }
    default:
      return unreachable(operation);
  }
}

const find = (keyring: Keyring, keyId: string): Uint8Array | undefined =>
  keyring.list().find((key) => keyIdOf(key) === keyId);

const textOf = (refusal: KeyringRefusal | undefined): string =>
  refusal === undefined ? '' : PROBLEMS[refusal];

const PROBLEMS: Readonly<Record<KeyringRefusal, string>> = {
  'bad-length': 'the key has not 16, 24 or 32 bytes',
  'not-installed': 'the key is not installed here',
  'is-primary': 'the key seals here; use another one first',
  'too-many': 'too many keys are installed; remove one first',
};
