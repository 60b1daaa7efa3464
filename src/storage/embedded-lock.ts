import { Client, type ClientConfig } from 'pg';
import { errorCode } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/** Any number; it stands for "this folder has a service". */
const FOLDER_LOCK = 7_765_105_292;

/** How long a dead holder's session may take to notice; measured in milliseconds, so this is ample. */
const WAIT_MS = 2000;

const NAME = 'weir folder lock of process ';

/**
 * Who uses a data folder, as a session advisory lock on a connection of its own: it ends with its
 * holder, however that dies, and no file has to be judged stale.
 */
export class EmbeddedLock {
  private constructor(private readonly client: Client) {}

  /** @throws StorageError `held`, naming the holder, if another service has it. */
  static async take(
    config: ClientConfig,
    dataDir: string,
    onLost: () => void,
  ): Promise<EmbeddedLock> {
    const client = new Client({ ...config, application_name: NAME + process.pid });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(`SET lock_timeout = ${WAIT_MS}`);
      await client.query('SELECT pg_advisory_lock($1)', [FOLDER_LOCK]);
    } catch (error) {
      const holder = errorCode(error) === '55P03' ? await findHolder(client) : undefined;
      await client.end().catch(() => undefined);
      throw holder === undefined ? error : held(dataDir, holder);
    }
    client.once('end', onLost);
    return new EmbeddedLock(client);
  }

  async release(): Promise<void> {
    this.client.removeAllListeners('end');
    await this.client.end().catch(() => undefined);
  }
}

async function findHolder(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT application_name AS "name" FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted
       AND ((classid::bigint << 32) | objid::bigint) = $1`,
    [FOLDER_LOCK],
  );
  return rows.map(({ name }) => name.replace(NAME, '')).join(', ');
}

function held(dataDir: string, holder: string): StorageError {
  return new StorageError(
    `The data folder ${dataDir} is in use by another Weir (process ${holder}). Stop that one, or give ` +
      `this one its own folder with storage.embedded.dataDir, or share an outside database`,
    'held',
  );
}
