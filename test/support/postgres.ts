import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { silentLog } from '../../src/common/log.js';
import { connectionFromUrl, clientConfig } from '../../src/storage/postgres-connection.js';
import { TypeOrmDatabase } from '../../src/storage/typeorm-database.js';

/** Holds the URL of the run's server, so that workers find it. */
export const SERVER_VARIABLE = 'TEST_POSTGRES_URL';

/** The migrated database that tests get copies of. */
export const TEMPLATE = 'weir_template';

export interface TestDatabase {
  /** With password; a Unix socket's folder is percent-encoded in the place of the host. */
  readonly url: string;
  readonly name: string;
  /** Also ends the connections that are still open. */
  drop(): Promise<void>;
}

/** A database of the test's own: migrated, unless it asks for an empty one. */
export async function createTestDatabase({ isEmpty = false } = {}): Promise<TestDatabase> {
  const name = `weir_test_${randomBytes(6).toString('hex')}`;
  await runSql(`CREATE DATABASE ${name} TEMPLATE ${isEmpty ? 'template0' : TEMPLATE}`);
  return {
    url: databaseUrl(name),
    name,
    drop: () => runSql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** The same, opened as the service opens it. */
export async function openTestDatabase(): Promise<{
  readonly database: TypeOrmDatabase;
  readonly url: string;
  close(): Promise<void>;
}> {
  const created = await createTestDatabase();
  const { url } = created;
  const limits = { poolSize: 10, statementTimeoutMs: 30_000, lockTimeoutMs: 10_000 };
  const database = await TypeOrmDatabase.open(connectionFromUrl(url), limits, silentLog);
  return {
    database,
    url,
    close: async () => {
      await database.close();
      await created.drop();
    },
  };
}

/** The URL of a database on the run's server. */
export function databaseUrl(name: string): string {
  const server = process.env[SERVER_VARIABLE];
  if (!server)
    throw new Error('no test server: run this through jest, whose globalSetup starts it');
  return server.replace(/\/[^/?]*($|\?)/, `/${name}$1`);
}

/** One statement on the run's server, or on the database of a URL. */
export async function runSql(sql: string, url: string = databaseUrl('postgres')): Promise<void> {
  const client = new Client(clientConfig(connectionFromUrl(url, 'disable'), 'weir test'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
