import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../../src/common/domain-error.js';

/**
 * Asks again while the database cannot be reached, as a caller with a retry policy does. Where many ask at once on a slow
 * machine, a connection may take longer to come free than anybody waits for it.
 */
export async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'UNAVAILABLE') throw error;
      await delay(20);
    }
  }
}
