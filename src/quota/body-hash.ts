import { hash } from 'node:crypto';

/** As the ledger keeps it, to know a repeated call from another one with the same key. */
export const bodyHash = (body: string): string => hash('sha256', body, 'hex');
