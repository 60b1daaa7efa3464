import type { DataSource } from 'typeorm';
import type { Log } from '../common/log.js';
import { MIGRATIONS_TABLE } from './data-source.js';
import { openForMigration } from './migrate.js';
import type { PostgresConnection } from './postgres-connection.js';

/**
 * Runs every migration up, compares the schema with the entities, runs every one down, and up again.
 * Returns what is wrong; the database must be empty and is left migrated.
 */
export async function checkMigrations(
  connection: PostgresConnection,
  log: Log,
): Promise<readonly string[]> {
  const source = await openForMigration(connection, log);
  try {
    await source.runMigrations();
    const drift = await driftOf(source);
    for (const _ of source.migrations) await source.undoLastMigration();
    const leftovers = await leftoversOf(source);
    await source.runMigrations();
    return [...drift, ...leftovers];
  } finally {
    await source.destroy();
  }
}

/** What would have to change for the tables to be what the entities say. */
async function driftOf(source: DataSource): Promise<readonly string[]> {
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => `entities and migrations differ: ${query}`);
}

async function leftoversOf(source: DataSource): Promise<readonly string[]> {
  const rows: { name: string }[] = await source.query(
    `SELECT relkind::text || ' ' || relname AS "name" FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relname NOT LIKE $1 || '%'
       AND oid NOT IN (SELECT indexrelid FROM pg_index WHERE indrelid = $1::regclass)
     UNION ALL
     SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
     UNION ALL
     SELECT 'type ' || typname FROM pg_type
     WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd')`,
    [MIGRATIONS_TABLE],
  );
  return rows.map(({ name }) => `left behind after all migrations went down: ${name}`);
}
