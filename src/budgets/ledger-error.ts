import { DomainError } from '../common/domain-error.js';
import { errorCode, errorText } from '../storage/postgres-error.js';

/**
 * A deadlock's victim, a serialization failure, a lock waited for too long, a reservation key that
 * another group took in the meantime: the same again may pass, or find what is there now.
 */
const TRANSIENT_STATES: readonly string[] = ['40P01', '40001', '55P03', '23505'];

const NUMERIC_VALUE_OUT_OF_RANGE = '22003';

/**
 * What the server says of itself, not of the statement (PostgreSQL, appendix A): transactions that
 * could not be made to fit, no room, locks not to be had, cancelled by an operator or a time limit,
 * disk faults.
 */
const CONDITION_OF_SERVER = /^(40|53|55|57|58)[0-9A-Z]{3}$/;

const RETRY_AFTER_MS = 1_000;

export const isTransient = (error: unknown): boolean =>
  TRANSIENT_STATES.includes(errorCode(error) ?? '');

export const isOutOfRange = (error: unknown): boolean =>
  errorCode(error) === NUMERIC_VALUE_OUT_OF_RANGE;

/** What to throw for what a query threw: `UNAVAILABLE`, unless the fault is in the statement. */
export function ledgerError(error: unknown): unknown {
  if (!CONDITION_OF_SERVER.test(errorCode(error) ?? '')) return error;
  return new DomainError('UNAVAILABLE', `the database cannot take it now: ${errorText(error)}`, {
    retryAfterMs: RETRY_AFTER_MS,
    cause: error,
  });
}
