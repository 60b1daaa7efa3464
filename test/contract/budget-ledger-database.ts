import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { PostgresConfig } from '../../src/config/storage-config.js';
import type { Database } from '../../src/storage/database.js';
import { openDatabase } from '../../src/storage/open-database.js';

export interface TestDatabase {
  readonly database: Database;
  close(): Promise<void>;
}

/** An embedded database of its own, in a temporary folder that the database's account can reach. */
export async function openTestDatabase(): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-ledger-'));
  await chmod(folder, 0o755);
  const embedded = { dataDir: join(folder, 'data') };
  const open = await openDatabase({ postgres: new PostgresConfig(), embedded }, silentLog);
  const close = async (): Promise<void> => {
    await open.close();
    await removeFolder(folder);
  };
  return { database: open.database, close };
}
