import { DomainError } from '../common/domain-error.js';

/**
 * What the promise gives, or `UNAVAILABLE` after so long. The work goes on, and what becomes of it is not
 * known: for work that may be done twice.
 */
export function within<T>(work: Promise<T>, waitMsMax: number, message: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new DomainError('UNAVAILABLE', message, { retryAfterMs: waitMsMax }));
    }, waitMsMax);
    void work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
