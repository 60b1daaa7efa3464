import { EventEmitter, once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SUPERUSER } from './embedded-instance.js';
import { EmbeddedLock } from './embedded-lock.js';
import { isPostgresOf, type PidFile, readPidFile, removeStaleLocks } from './embedded-pid-file.js';
import {
  EmbeddedServer,
  type ServerRequest,
  SOCKET_PORT,
  stopByFolder,
} from './embedded-server.js';
import { clientConfig, type PostgresConnection } from './postgres-connection.js';
import { errorText, isConnectionError } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/** A running server of which this process is the one holder. */
export interface HeldServer {
  readonly server: EmbeddedServer;
  readonly lock: EmbeddedLock;
  readonly connection: PostgresConnection;
  /** Resolves with the reason when the lock is lost, as it is when the server ends. */
  readonly lockLost: Promise<string>;
}

const RETRY_MS = 100;

/** Two starts at once, or the last children of a killed postmaster: it passes. */
const PASSING = /postmaster\.pid|shared memory block|fast shutdown request/;

/** Time for whoever started a server to lock it, before it counts as an orphan. */
const GRACE_MS = 500;

/**
 * Starts the server of a folder and takes the folder's lock. The rule that keeps two services apart:
 * nobody stops a postmaster, or works with one, without the lock.
 */
export async function holdServer(request: ServerRequest): Promise<HeldServer> {
  const deadline = performance.now() + request.startTimeoutMs;
  for (;;) {
    await endOrphan(request, deadline);
    try {
      return await lockServer(await EmbeddedServer.start(request), request);
    } catch (error) {
      const passes = PASSING.test(errorText(error)) || isConnectionError(error);
      if (!passes || performance.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

async function lockServer(server: EmbeddedServer, request: ServerRequest): Promise<HeldServer> {
  try {
    const connection = await connectionOf(request, await readPidFile(request.folder));
    const lost = new EventEmitter();
    const lockLost = once(lost, 'lost').then(() => 'its lock was lost');
    const lock = await takeLock(connection, request, () => lost.emit('lost'));
    return { server, lock, connection, lockLost };
  } catch (error) {
    // Whoever has the lock has the server too.
    const isHeld = error instanceof StorageError && error.kind === 'held';
    if (!isHeld) await server.stop();
    throw error;
  }
}

/** Ends a postmaster that a killed service left behind; refuses if its service is alive. */
async function endOrphan(request: ServerRequest, deadline: number): Promise<void> {
  const { folder } = request;
  const file = await readPidFile(folder);
  const connection = await connectionOf(request, file);
  if (!file || !((await accepts(connection)) || isPostgresOf(file.pid, folder.data))) {
    await removeStaleLocks(folder);
    return;
  }
  await delay(GRACE_MS);
  const lock = await lockOrphan(connection, request, { file, deadline });
  if (!lock) return;
  request.log.warn(
    { pid: file.pid, folder: folder.dataDir },
    'found the database of a service that was killed; stopping it',
  );
  await stopByFolder(request, 'fast').catch(() => stopByFolder(request, 'immediate'));
  await lock.release();
}

/** Undefined if the orphan ended by itself. */
async function lockOrphan(
  connection: PostgresConnection,
  request: ServerRequest,
  { file, deadline }: { readonly file: PidFile; readonly deadline: number },
): Promise<EmbeddedLock | undefined> {
  for (;;) {
    try {
      return await takeLock(connection, request);
    } catch (error) {
      if (!isConnectionError(error) || performance.now() > deadline)
        throw error instanceof StorageError ? error : unanswered(request, file, error);
      const now = await readPidFile(request.folder);
      if (now?.pid !== file.pid || !isPostgresOf(file.pid, request.folder.data)) return undefined;
      await delay(RETRY_MS);
    }
  }
}

function unanswered({ folder }: ServerRequest, { pid }: PidFile, error: unknown): StorageError {
  return new StorageError(
    `PostgreSQL (process ${pid}) runs on ${folder.data} but does not let Weir in: ${errorText(error)}. ` +
      `Stop it with: kill -INT ${pid}`,
    'refused',
    { cause: error },
  );
}

/** Advisory locks belong to one database, so everyone asks in the same. */
const LOCK_DATABASE = 'postgres';

function takeLock(
  connection: PostgresConnection,
  { folder }: ServerRequest,
  onLost: () => void = () => undefined,
): Promise<EmbeddedLock> {
  const config = clientConfig({ ...connection, database: LOCK_DATABASE }, 'weir');
  return EmbeddedLock.take(config, folder.dataDir, onLost);
}

async function connectionOf(
  { folder }: ServerRequest,
  file: PidFile | undefined,
): Promise<PostgresConnection> {
  const onWindows = process.platform === 'win32';
  return {
    host: onWindows ? '127.0.0.1' : file?.socketDir || folder.socketDir,
    port: onWindows && file ? file.port : SOCKET_PORT,
    user: SUPERUSER,
    database: 'weir',
    sslMode: 'disable',
    password: () => readFile(folder.passwordFile, 'utf8'),
  };
}

/** Whether anybody listens, which also finds a server in another container on the same folder. */
async function accepts({ host, port }: PostgresConnection): Promise<boolean> {
  const target = host.startsWith('/') ? { path: join(host, `.s.PGSQL.${port}`) } : { host, port };
  const socket = connect(target);
  const outcome = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  });
  socket.destroy();
  return outcome;
}
