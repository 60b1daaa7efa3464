/** What an error of the driver means for whoever has to go on. */

/** The SQLSTATE or the system's code (`ECONNREFUSED`), also through TypeORM's wrapper. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  if ('driverError' in error) return errorCode(error.driverError);
  // What happy eyeballs throws when every address of a name has failed.
  if ('errors' in error && Array.isArray(error.errors)) return errorCode(error.errors[0]);
  return undefined;
}

/** A conflict with a concurrent transaction (40001, 40P01): the same transaction may succeed now. */
export function isRetryable(error: unknown): boolean {
  const code = errorCode(error);
  return code === '40001' || code === '40P01';
}

/** A row with that key is there already (23505). */
export function isUniqueViolation(error: unknown): boolean {
  return errorCode(error) === '23505';
}

const SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  // The socket file of a server that is not running.
  'ENOENT',
]);

/** The pool and the client report their own failures without a code. */
const CLIENT_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|timeout exceeded when trying to connect|Query read timeout|Cannot use a pool after|Connection ended|Driver not Connected)/i;

/** SQLSTATEs of a server that is there but cannot serve: shutting down, starting, full. */
const SERVER_STATES = /^(08|57P0|53300)/;

/** The database could not be reached, or left in the middle. */
export function isConnectionError(error: unknown): boolean {
  const code = errorCode(error);
  if (code !== undefined) return SYSTEM_CODES.has(code) || SERVER_STATES.test(code);
  return CLIENT_MESSAGES.test(errorText(error));
}

/** The server has stopped to accept writes (25006), as after a failover. */
export function isReadOnlyError(error: unknown): boolean {
  return errorCode(error) === '25006';
}

/** The client waits no longer; its connection is stuck and must not be used again. */
export function isReadTimeout(error: unknown): boolean {
  return errorText(error) === 'Query read timeout';
}

/** One line for logs; the driver's messages hold no parameters and no password. */
export function errorText(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error && error.message !== '')
    return String(error.message);
  return errorCode(error) ?? String(error);
}
