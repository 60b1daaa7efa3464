import 'reflect-metadata';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../common/log.js';
import { removeFolder } from '../common/remove-folder.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { checkMigrations } from './migration-check.js';

/** `node dist/storage/check-migrations.js`: the migrations on a fresh database of their own. */
const folder = await mkdtemp(join(tmpdir(), 'weir-migrations-'));
// As root the server runs as another user, who has to pass through.
await chmod(folder, 0o755);
const server = await startEmbeddedPostgres({
  dataDir: join(folder, 'postgres'),
  isDefaultFolder: true,
  log: silentLog,
});
try {
  const faults = await checkMigrations(server.connection, silentLog);
  const verdict = faults.length === 0 ? 'Migrations: up, no drift, down, up' : faults.join('\n');
  process.stdout.write(`${verdict}\n`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  await server.stop();
  await removeFolder(server.dataDir);
  await removeFolder(folder);
}
