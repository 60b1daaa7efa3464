import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';
import type { Log } from '../common/log.js';
import {
  clientConfig,
  describeConnection,
  type PostgresConnection,
} from './postgres-connection.js';
import { errorText, isConnectionError } from './postgres-error.js';
import { StorageError } from './storage-error.js';

export interface WaitOptions {
  readonly timeoutSeconds: number;
  readonly log: Log;
  /** Ends the waiting early. */
  readonly stop?: AbortSignal | undefined;
}

const RETRY_MS = 500;
const LOG_EVERY_MS = 3000;

/**
 * Waits until the database answers and can be used, and says so every few seconds. A fault that
 * waiting does not mend (a wrong password, no such database, a read-only server) ends it at once.
 * Returns the connection with `prefer` settled for what the server offers.
 *
 * @throws StorageError, or the reason of `stop`.
 */
export async function waitForDatabase(
  connection: PostgresConnection,
  { timeoutSeconds, log, stop }: WaitOptions,
): Promise<PostgresConnection> {
  const deadline = performance.now() + timeoutSeconds * 1000;
  let lastLogged = Number.NEGATIVE_INFINITY;
  for (;;) {
    const error = await probe(connection);
    if (!(error instanceof Unreachable)) return error;
    const now = performance.now();
    if (now >= deadline) throw gaveUp(connection, timeoutSeconds, error);
    if (now - lastLogged >= LOG_EVERY_MS) {
      lastLogged = now;
      const left = Math.ceil((deadline - now) / 1000);
      log.warn({}, `Waiting ${left} s more for ${describeConnection(connection)}: ${error.reason}`);
    }
    await delay(RETRY_MS);
    stop?.throwIfAborted();
  }
}

class Unreachable {
  constructor(readonly reason: string) {}
}

function gaveUp(connection: PostgresConnection, seconds: number, error: Unreachable): StorageError {
  return new StorageError(
    `${describeConnection(connection)} did not answer within ${seconds} s: ${error.reason}. Check ` +
      `that it runs and that storage.postgres.host and port (or url) name it; ` +
      `storage.postgres.startTimeoutSeconds sets how long to wait`,
  );
}

async function probe(connection: PostgresConnection): Promise<PostgresConnection | Unreachable> {
  try {
    await inspectServer(connection);
    return connection;
  } catch (error) {
    if (error instanceof StorageError) throw error;
    if (connection.sslMode === 'prefer' && lacksTls(error))
      return probe({ ...connection, sslMode: 'disable' });
    if (isConnectionError(error)) return new Unreachable(errorText(error));
    const message = `${describeConnection(connection)} refuses: ${errorText(error)}`;
    throw new StorageError(message, 'refused', { cause: error });
  }
}

const lacksTls = (error: unknown): boolean => /does not support SSL/.test(errorText(error));

const OLDEST_VERSION = 15;

interface ServerState {
  readonly version: number;
  readonly encoding: string;
  readonly recovering: boolean;
  readonly readOnly: string;
}

async function inspectServer(connection: PostgresConnection): Promise<void> {
  const client = new Client(clientConfig(connection, 'weir start'));
  // Errors reach us through the promises; without a listener a lost connection would be thrown.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<ServerState>(`
      SELECT current_setting('server_version_num')::int / 10000 AS "version",
             current_setting('server_encoding') AS "encoding",
             pg_is_in_recovery() AS "recovering",
             current_setting('default_transaction_read_only') AS "readOnly"`);
    for (const row of rows) refuseUnfit(connection, row);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function refuseUnfit(connection: PostgresConnection, state: ServerState): void {
  const name = describeConnection(connection);
  if (state.version < OLDEST_VERSION)
    throw new StorageError(
      `${name} is version ${state.version}; Weir needs ${OLDEST_VERSION} or later`,
    );
  if (state.encoding !== 'UTF8')
    throw new StorageError(
      `${name} has the encoding ${state.encoding}; create the database with ENCODING 'UTF8'`,
    );
  if (state.recovering || state.readOnly === 'on')
    throw new StorageError(
      `${name} is read-only (${state.recovering ? 'it is a standby' : 'default_transaction_read_only is on'}); ` +
        `point storage.postgres at the primary, with a role that may write`,
    );
}
