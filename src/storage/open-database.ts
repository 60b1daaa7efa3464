import type { Log } from '../common/log.js';
import { EmbeddedConfig, type StorageConfig } from '../config/storage-config.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.js';
import { migrate } from './migrate.js';
import { configuredConnection, type PostgresConnection } from './postgres-connection.js';
import { TypeOrmDatabase } from './typeorm-database.js';
import { waitForDatabase } from './wait-for-database.js';

export interface OpenDatabase {
  readonly database: TypeOrmDatabase;
  readonly kind: 'outside' | 'embedded';
  /** Closes the connections, then stops the embedded database, if it is one. */
  close(): Promise<void>;
}

/**
 * Opens the configured database, or starts the embedded one, and brings its schema up to date.
 *
 * @throws StorageError with a sentence for the operator, or the reason of `stop` if that comes while the database is
 * waited for.
 */
export async function openDatabase(
  config: StorageConfig,
  log: Log,
  stop?: AbortSignal,
): Promise<OpenDatabase> {
  const outside = configuredConnection(config.postgres, process.cwd());
  if (!outside) return openEmbedded(config, log);
  const database = await connect(outside, config, log, stop);
  return { database, kind: 'outside', close: () => database.close() };
}

/** Connections beside the pool: lock, listener, migrations, and a person with psql. */
const SPARE_CONNECTIONS = 20;

async function openEmbedded(config: StorageConfig, log: Log): Promise<OpenDatabase> {
  // The child may fall and rise before and after the database object exists.
  const watcher: { database?: TypeOrmDatabase } = {};
  const embedded = await startEmbeddedPostgres({
    dataDir: config.embedded.dataDir,
    isDefaultFolder: config.embedded.dataDir === new EmbeddedConfig().dataDir,
    log,
    maxConnections: config.postgres.poolSize + SPARE_CONNECTIONS,
    startTimeoutMs: config.postgres.startTimeoutSeconds * 1000,
    onDown: (reason) => watcher.database?.bar(reason),
    onUp: () => watcher.database?.unbar(),
  });
  try {
    const database = await connect(embedded.connection, config, log);
    watcher.database = database;
    return { database, kind: 'embedded', close: () => closeBoth(database, embedded) };
  } catch (error) {
    await embedded.stop();
    throw error;
  }
}

async function closeBoth(database: TypeOrmDatabase, embedded: EmbeddedPostgres): Promise<void> {
  await database.close();
  await embedded.stop();
}

async function connect(
  connection: PostgresConnection,
  { postgres }: StorageConfig,
  log: Log,
  stop?: AbortSignal,
): Promise<TypeOrmDatabase> {
  const timeoutSeconds = postgres.startTimeoutSeconds;
  const settled = await waitForDatabase(connection, { timeoutSeconds, log, stop });
  await migrate(settled, log);
  return TypeOrmDatabase.open(settled, postgres, log);
}
