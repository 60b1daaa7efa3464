import { createHash } from 'node:crypto';

/** What may be shown of a key: it names it, and does not help to guess it. */
export const keyIdOf = (key: Uint8Array): string =>
  createHash('sha256').update(key).digest('hex').slice(0, 12);
