/** Operations on keys as one replica sends them to another. */
import { KeyringAnswer, KeyringOperation, KeyringQuery } from '../../gen/weir/peer/v1/keyring.js';
import { TOPIC, topicMessage } from '../cluster-delegate.js';
import type { KeyOperation } from './own-keyring.js';

const OPERATIONS: Readonly<Record<KeyOperation['kind'], KeyringOperation>> = {
  list: KeyringOperation.KEYRING_OPERATION_LIST,
  install: KeyringOperation.KEYRING_OPERATION_INSTALL,
  use: KeyringOperation.KEYRING_OPERATION_USE,
  remove: KeyringOperation.KEYRING_OPERATION_REMOVE,
};

export function queryMessage(id: string, from: string, operation: KeyOperation): Uint8Array {
  const key = operation.kind === 'install' ? Buffer.from(operation.key) : Buffer.alloc(0);
  const keyId = 'keyId' in operation ? operation.keyId : '';
  const query = { id, from, operation: OPERATIONS[operation.kind], key, keyId };
  return topicMessage(TOPIC.KEYRING_QUERY, KeyringQuery.encode(query).finish());
}

export const answerMessage = (answer: KeyringAnswer): Uint8Array =>
  topicMessage(TOPIC.KEYRING_ANSWER, KeyringAnswer.encode(answer).finish());

/** Undefined: an operation that a later release has brought. */
export function operationOf({ operation, key, keyId }: KeyringQuery): KeyOperation | undefined {
  switch (operation) {
    case KeyringOperation.KEYRING_OPERATION_LIST:
      return { kind: 'list' };
    case KeyringOperation.KEYRING_OPERATION_INSTALL:
      return { kind: 'install', key: Uint8Array.from(key) };
    case KeyringOperation.KEYRING_OPERATION_USE:
      return { kind: 'use', keyId };
    case KeyringOperation.KEYRING_OPERATION_REMOVE:
      return { kind: 'remove', keyId };
    case KeyringOperation.KEYRING_OPERATION_UNSPECIFIED:
    case KeyringOperation.UNRECOGNIZED:
    default:
      return undefined;
  }
}
