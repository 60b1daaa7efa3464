import { setTimeout as delay } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { Log } from '../common/log.js';
import { embeddedAccount } from './embedded-account.js';
import { embeddedBinaries } from './embedded-binaries.js';
import { instanceFolder, prepareFolder, removeLeftovers } from './embedded-folder.js';
import { type HeldServer, holdServer } from './embedded-holder.js';
import { ensureInstance } from './embedded-instance.js';
import type { ServerRequest } from './embedded-server.js';
import { clientConfig, type PostgresConnection } from './postgres-connection.js';
import { errorText } from './postgres-error.js';

export interface EmbeddedOptions {
  /** Folder of the data; made if missing. */
  readonly dataDir: string;
  readonly log: Log;
  /** The folder is only the default: as root, an unreachable one is replaced by one that is reachable. */
  readonly isDefaultFolder?: boolean;
  /** Default 40. */
  readonly maxConnections?: number;
  /** For starting, crash recovery and taking over together. Default 60 s. */
  readonly startTimeoutMs?: number;
  /** The server has ended by itself, and is being started again. */
  readonly onDown?: (reason: string) => void;
  /** It is back. */
  readonly onUp?: () => void;
}

/** A PostgreSQL server of our own. It outlives whoever uses it: stop it last. */
export interface EmbeddedPostgres {
  readonly connection: PostgresConnection;
  /** With the password: for tools and tests, never for logs. */
  readonly url: string;
  /** Where the data really is. */
  readonly dataDir: string;
  /** Of the postmaster that runs now. */
  readonly pid: number;
  stop(): Promise<void>;
  /** Ends the postmaster as a crash would; it comes back by itself. For tests. */
  kill(): void;
}

/**
 * Starts a real PostgreSQL on a folder, as a child process, and keeps it running until it is stopped.
 *
 * @throws StorageError if the platform has no binaries, the folder is in use, unreachable or of
 *   another major version, or the server does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log, isDefaultFolder = false } = options;
  const account = embeddedAccount(instanceFolder(dataDir));
  const binaries = await embeddedBinaries({ account, log });
  const folder = await prepareFolder({ dataDir, isDefaultFolder, account, log });
  await ensureInstance({ folder, binaries, account, log });
  const request: ServerRequest = {
    folder,
    binaries,
    account,
    log,
    maxConnections: options.maxConnections ?? 40,
    startTimeoutMs: options.startTimeoutMs ?? 60_000,
  };
  const held = await holdServer(request);
  await removeLeftovers(folder);
  await ensureDatabase(held.connection);
  log.info({ pid: held.server.pid, folder: folder.dataDir }, 'the embedded database is running');
  return new Supervisor(request, held, options, await urlOf(held.connection));
}

async function ensureDatabase(connection: PostgresConnection): Promise<void> {
  const client = new Client(clientConfig({ ...connection, database: 'postgres' }, 'weir start'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    const name = connection.database;
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
}

/** The password is hexadecimal; the folder of the socket goes where the host would be. */
async function urlOf({
  host,
  port,
  user,
  database,
  password,
}: PostgresConnection): Promise<string> {
  const secret = (await password?.()) ?? '';
  return `postgres://${user}:${secret}@${encodeURIComponent(host)}:${port}/${database}`;
}

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 10_000;

/** Starts the server again whenever it ends by itself, ever more slowly while that fails. */
class Supervisor implements EmbeddedPostgres {
  private readonly stopping = new AbortController();
  private readonly supervision: Promise<void>;

  constructor(
    private readonly request: ServerRequest,
    private held: HeldServer,
    private readonly options: EmbeddedOptions,
    readonly url: string,
  ) {
    this.supervision = this.supervise();
  }

  get connection(): PostgresConnection {
    return this.held.connection;
  }

  get dataDir(): string {
    return this.request.folder.dataDir;
  }

  get pid(): number {
    return this.held.server.pid;
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.held.server.stop();
    await this.held.lock.release();
    await this.supervision;
  }

  kill(): void {
    this.held.server.kill();
  }

  private async supervise(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const reason = await Promise.race([this.held.server.ended, this.held.lockLost]);
      if (signal.aborted) return;
      this.options.onDown?.('the embedded database is starting again');
      this.request.log.error({ reason }, 'the embedded database has ended; starting it again');
      await this.recover();
    }
  }

  private async recover(): Promise<void> {
    const { signal } = this.stopping;
    for (
      let waitMs = BACKOFF_MIN_MS;
      !signal.aborted;
      waitMs = Math.min(waitMs * 2, BACKOFF_MAX_MS)
    ) {
      if (await this.isHeldAgain()) return;
      await delay(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async isHeldAgain(): Promise<boolean> {
    try {
      this.held = await holdServer(this.request);
    } catch (error) {
      this.request.log.error({ reason: errorText(error) }, 'the embedded database does not start');
      return false;
    }
    if (this.stopping.signal.aborted) {
      await this.held.server.stop();
      await this.held.lock.release();
      return true;
    }
    this.request.log.info({ pid: this.pid }, 'the embedded database is running again');
    this.options.onUp?.();
    return true;
  }
}
