import { Client } from 'pg';
import type { Log } from '../common/log.js';
import type { DataSource } from 'typeorm';
import { createDataSource, MIGRATIONS_TABLE } from './data-source.js';
import {
  clientConfig,
  describeConnection,
  type PostgresConnection,
} from './postgres-connection.js';
import { errorText } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/** Any number; it keeps the replicas that start together one after the other. */
const MIGRATION_LOCK = 7_765_105_291;

/**
 * Brings the schema up to what this code knows, one replica at a time. A database with a migration
 * that this code does not know is left alone: an older Weir would misread it.
 */
export async function migrate(connection: PostgresConnection, log: Log): Promise<void> {
  await withMigrationLock(connection, async () => {
    const source = await openForMigration(connection, log);
    try {
      await refuseNewerSchema(source, connection);
      const done = await source.runMigrations();
      if (done.length > 0)
        log.info({}, `Migrated the database: ${done.map((m) => m.name).join(', ')}`);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      throw new StorageError(
        `Migrating ${describeConnection(connection)} failed: ${errorText(error)}`,
        'refused',
        { cause: error },
      );
    } finally {
      await source.destroy();
    }
  });
}

/** A source without time limits, for the time of the migrations only. */
export async function openForMigration(
  connection: PostgresConnection,
  log: Log,
): Promise<DataSource> {
  const source = createDataSource(connection, {
    applicationName: 'weir migration',
    poolSize: 2,
    onPoolError: (error) => log.warn({}, `Connection lost while migrating: ${errorText(error)}`),
  });
  return source.initialize();
}

/** A session lock: it ends with its holder, however that dies. */
async function withMigrationLock(
  connection: PostgresConnection,
  work: () => Promise<void>,
): Promise<void> {
  const client = new Client(clientConfig(connection, 'weir migration lock'));
  // Losing this connection loses the lock, not the migration: each runs in its own transaction.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await work();
  } finally {
    await client.end();
  }
}

async function refuseNewerSchema(
  source: DataSource,
  connection: PostgresConnection,
): Promise<void> {
  const known = new Set(source.migrations.map(({ name, constructor }) => name ?? constructor.name));
  const unknown = (await executedNames(source)).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new StorageError(
    `${describeConnection(connection)} has a newer schema than this Weir knows (${unknown.join(', ')}). ` +
      `Start the Weir that wrote it, or a later one; an older one would misread it`,
  );
}

async function executedNames(source: DataSource): Promise<readonly string[]> {
  const found: { exists: boolean }[] = await source.query(
    'SELECT to_regclass($1) IS NOT NULL AS "exists"',
    [MIGRATIONS_TABLE],
  );
  if (!found.some(({ exists }) => exists)) return [];
  const rows: { name: string }[] = await source.query(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
  );
  return rows.map(({ name }) => name);
}
