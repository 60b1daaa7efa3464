import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ClientConfig } from 'pg';
import { parsePostgresUrl } from '../config/postgres-url.js';
import type { PostgresConfig, SslMode } from '../config/storage-config.js';
import { errorText } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/** Where a database is and how to log in. The password is a function, so that no dump shows it. */
export interface PostgresConnection {
  /** Name, address, or folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly password?: () => Promise<string>;
  readonly sslMode: SslMode;
  readonly sslRootCertFile?: string;
}

/** The outside database, or undefined if none is configured. */
export function configuredConnection(
  config: PostgresConfig,
  cwd: string,
): PostgresConnection | undefined {
  const { url, host, port, user, database, sslMode, sslRootCertFile } = config;
  const common = {
    sslMode,
    ...(sslRootCertFile && { sslRootCertFile: resolve(cwd, sslRootCertFile) }),
  };
  const password = configuredPassword(config, cwd);
  if (url)
    return {
      ...common,
      ...(password && { password }),
      ...connectionFromUrl(url.reveal(), sslMode),
    };
  if (host === undefined) return undefined;
  return { ...common, host, port, user, database, ...(password && { password }) };
}

/** A connection from a URL; what it leaves out is as in the configuration's defaults. */
export function connectionFromUrl(url: string, sslMode: SslMode = 'prefer'): PostgresConnection {
  const { password, ...parts } = parsePostgresUrl(url);
  return {
    port: 5432,
    user: 'weir',
    database: 'weir',
    sslMode,
    ...parts,
    ...(password !== undefined && { password: () => Promise.resolve(password) }),
  };
}

/** How messages call the database: never with a password. */
export function describeConnection({ host, port, user, database }: PostgresConnection): string {
  return `PostgreSQL at ${host}:${port} (database ${database}, user ${user})`;
}

/** Settings that every connection of Weir shares. */
export function clientConfig(
  connection: PostgresConnection,
  applicationName: string,
): ClientConfig {
  const { host, port, user, database, password } = connection;
  return {
    host,
    port,
    user,
    database,
    ...(password && { password }),
    ssl: tlsOptions(connection),
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}

export const CONNECT_TIMEOUT_MS = 5000;

/** What Node's `tls.connect` is told. */
export interface TlsSettings {
  readonly rejectUnauthorized: boolean;
  readonly ca?: string;
  readonly checkServerIdentity?: () => undefined;
}

/** The modes of libpq in the words of Node. `prefer` is tried first and settled by `waitForDatabase`. */
export function tlsOptions(connection: PostgresConnection): false | TlsSettings {
  const { host, sslMode } = connection;
  if (sslMode === 'disable' || host.startsWith('/')) return false;
  const ca = readAuthorities(connection);
  const checksChain = sslMode.startsWith('verify') || (sslMode === 'require' && ca !== undefined);
  return {
    rejectUnauthorized: checksChain,
    ...(ca && { ca }),
    ...(sslMode !== 'verify-full' && { checkServerIdentity: () => undefined }),
  };
}

function readAuthorities({ sslRootCertFile }: PostgresConnection): string | undefined {
  if (sslRootCertFile === undefined) return undefined;
  try {
    return readFileSync(sslRootCertFile, 'utf8');
  } catch (error) {
    throw new StorageError(`storage.postgres.sslRootCertFile cannot be read: ${errorText(error)}`);
  }
}

function configuredPassword(
  { password, passwordFile }: PostgresConfig,
  cwd: string,
): (() => Promise<string>) | undefined {
  if (password) return () => Promise.resolve(password.reveal());
  if (passwordFile === undefined) return undefined;
  const path = resolve(cwd, passwordFile);
  return () => readPassword(path);
}

/** Editors and `echo` end a file with a newline, which is not part of the password. */
async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new StorageError(`storage.postgres.passwordFile cannot be read: ${errorText(error)}`);
  }
}
