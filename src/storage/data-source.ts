import { DataSource } from 'typeorm';
import { entities } from './entities.js';
import { migrations } from './migrations.js';
import { CONNECT_TIMEOUT_MS, type PostgresConnection, tlsOptions } from './postgres-connection.js';

/** Which migrations a database has; the only table that no migration makes. */
export const MIGRATIONS_TABLE = 'weir_migrations';

export interface DataSourceOptions {
  readonly applicationName: string;
  readonly poolSize: number;
  /** Absent: a statement takes what it takes. */
  readonly statementTimeoutMs?: number;
  readonly lockTimeoutMs?: number;
  readonly onPoolError: (error: unknown) => void;
}

/** The client waits this much longer than the server, so that the server's clearer error wins. */
const READ_TIMEOUT_MARGIN_MS = 5000;

/** A data source that is not connected yet. It never changes the schema by itself. */
export function createDataSource(
  connection: PostgresConnection,
  options: DataSourceOptions,
): DataSource {
  const { host, port, user, database, password } = connection;
  const { statementTimeoutMs, lockTimeoutMs } = options;
  return new DataSource({
    type: 'postgres',
    host,
    port,
    username: user,
    ...(password && { password }),
    database,
    ssl: tlsOptions(connection),
    applicationName: options.applicationName,
    poolSize: options.poolSize,
    connectTimeoutMS: CONNECT_TIMEOUT_MS,
    entities,
    migrations,
    migrationsTableName: MIGRATIONS_TABLE,
    migrationsTransactionMode: 'each',
    synchronize: false,
    installExtensions: false,
    logging: false,
    poolErrorHandler: options.onPoolError,
    extra: {
      keepAlive: true,
      ...(lockTimeoutMs !== undefined && { lock_timeout: lockTimeoutMs }),
      ...(statementTimeoutMs !== undefined && {
        statement_timeout: statementTimeoutMs,
        idle_in_transaction_session_timeout: statementTimeoutMs,
        query_timeout: statementTimeoutMs + READ_TIMEOUT_MARGIN_MS,
      }),
    },
  });
}
