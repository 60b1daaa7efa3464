import { chmod, mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/common/log.js';
import { removeFolder, removeFolderSync } from '../../src/common/remove-folder.js';
import { startEmbeddedPostgres } from '../../src/storage/embedded-postgres.js';
import { migrate } from '../../src/storage/migrate.js';
import { connectionFromUrl } from '../../src/storage/postgres-connection.js';
import { databaseUrl, runSql, SERVER_VARIABLE, TEMPLATE } from './postgres.js';

/** A test of a cluster runs up to five replicas, of 10 connections for calls and a few for themselves each. */
const WORKER_CONNECTIONS_MAX = 100;

/**
 * One real PostgreSQL for a whole run of jest, with a migrated database to copy from. With
 * `TEST_POSTGRES_URL` set to a superuser's URL, that server is used instead.
 */
export async function startTestServer(): Promise<() => Promise<void>> {
  const stop = process.env[SERVER_VARIABLE] ? async () => undefined : await startServer();
  await runSql(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
  await runSql(`CREATE DATABASE ${TEMPLATE} ENCODING 'UTF8' TEMPLATE template0`);
  await migrate(connectionFromUrl(databaseUrl(TEMPLATE)), silentLog);
  return stop;
}

async function startServer(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'weir test '));
  // As root the server runs as another user, who has to pass through.
  await chmod(folder, 0o755);
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    // Where the temporary folder itself is private, any other place will do.
    isDefaultFolder: true,
    maxConnections: availableParallelism() * WORKER_CONNECTIONS_MAX,
    log: silentLog,
  });
  process.env[SERVER_VARIABLE] = server.url;
  const killLeftover = (): void => {
    server.kill();
    removeFolderSync(folder);
  };
  // Neither Ctrl-C nor a time limit on jest reaches its teardown, and a signal is no exit.
  const dieOf = (signal: NodeJS.Signals): void => {
    killLeftover();
    process.kill(process.pid, signal);
  };
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  process.once('exit', killLeftover);
  for (const signal of signals) process.once(signal, dieOf);
  return async () => {
    process.off('exit', killLeftover);
    for (const signal of signals) process.off(signal, dieOf);
    delete process.env[SERVER_VARIABLE];
    await server.stop();
    await removeFolder(server.dataDir);
    await removeFolder(folder);
  };
}
