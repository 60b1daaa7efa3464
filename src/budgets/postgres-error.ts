import { DomainError } from '../common/domain-error.js';

/** A deadlock's victim, a serialization failure, a lock waited for too long: the same again may pass. */
const TRANSIENT_STATES: readonly string[] = ['40P01', '40001', '55P03'];

const NUMERIC_VALUE_OUT_OF_RANGE = '22003';

/**
 * SQLSTATE classes (PostgreSQL, appendix A) in which the statement is at fault: bad data, a broken
 * constraint, bad syntax. Everything else is the server's or the network's condition.
 */
const OUR_FAULT_CLASSES: readonly string[] = ['21', '22', '23', '26', '28', '3D', '42', 'P0'];

const RETRY_AFTER_MS = 1_000;

export const isTransient = (error: unknown): boolean =>
  TRANSIENT_STATES.includes(sqlStateOf(error) ?? '');

export const isOutOfRange = (error: unknown): boolean =>
  sqlStateOf(error) === NUMERIC_VALUE_OUT_OF_RANGE;

/** What to throw for what a query threw: `UNAVAILABLE`, unless the fault is in the statement. */
export function storeError(error: unknown): unknown {
  if (error instanceof DomainError || !(error instanceof Error)) return error;
  const state = sqlStateOf(error);
  if (state !== undefined && OUR_FAULT_CLASSES.includes(state.slice(0, 2))) return error;
  return new DomainError('UNAVAILABLE', `the ledger cannot be reached: ${error.message}`, {
    retryAfterMs: RETRY_AFTER_MS,
    cause: error,
  });
}

/** Drivers put it into `code`, where Node puts names such as `ECONNREFUSED`. */
function sqlStateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
