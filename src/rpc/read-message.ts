import { DomainError } from '../common/domain-error.js';

/** @throws DomainError `INVALID_ARGUMENT` for bytes that are no such message. */
export function readMessage<Message>(bytes: Buffer, decode: (bytes: Buffer) => Message): Message {
  try {
    return decode(bytes);
  } catch (cause) {
    const message = 'the request cannot be read: its bytes are no message of this method';
    throw new DomainError('INVALID_ARGUMENT', message, { cause });
  }
}
