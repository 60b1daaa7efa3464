import { createHash, randomUUID } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Log } from '../common/log.js';
import { removeFolder } from '../common/remove-folder.js';
import { type Account, canReach } from './embedded-account.js';
import { errorCode, errorText } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/**
 * What is where in the folder of an embedded database. `instance` appears all at once, by a rename,
 * so that a half-made one is never mistaken for a whole one.
 */
export interface EmbeddedFolder {
  readonly dataDir: string;
  readonly instance: string;
  /** PostgreSQL's own folder. */
  readonly data: string;
  /** The superuser's password; mode 0600. */
  readonly passwordFile: string;
  /** Where the Unix socket is. */
  readonly socketDir: string;
}

export interface FolderRequest {
  readonly dataDir: string;
  /** Nobody asked for this very folder, so another place will do if it cannot be used. */
  readonly isDefaultFolder: boolean;
  readonly account: Account | undefined;
  readonly log: Log;
}

/** Makes sure that the folder exists and that the account can reach it. */
export async function prepareFolder(request: FolderRequest): Promise<EmbeddedFolder> {
  const { account, isDefaultFolder, log } = request;
  const wanted = resolve(request.dataDir);
  makeFolder(wanted, account);
  const pointer = join(wanted, POINTER);
  if (!existsSync(pointer)) {
    if (canReach(account, wanted)) return layout(wanted, account);
    if (!isDefaultFolder) throw unreachable(wanted, account);
  }
  const substitute = await substituteFolder(pointer);
  makeFolder(substitute, account);
  if (!canReach(account, substitute)) throw unreachable(substitute, account);
  log.warn(
    { wanted, folder: substitute },
    `user ${account?.name} cannot reach ${wanted}; the embedded database keeps its data in ${substitute}`,
  );
  return layout(substitute, account);
}

/** A file that says where the data is instead. Whoever removes the folder gets a new database. */
const POINTER = 'data-is-in';

/** Decided once and written down, so that it stays the same; of two starts the first decides. */
async function substituteFolder(pointer: string): Promise<string> {
  const substitute = join('/var/lib/weir', `postgres-${randomUUID()}`);
  try {
    await writeFile(pointer, `${substitute}\n`, { flag: 'wx', flush: true });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  return (await readFile(pointer, 'utf8')).trim();
}

function unreachable(folder: string, account: Account | undefined): StorageError {
  const name = account?.name ?? '';
  return new StorageError(
    `Weir runs as root, so its embedded database runs as the user ${name}, who cannot reach ${folder}. ` +
      `Let ${name} pass through the folders above it (chmod o+x), or set storage.embedded.dataDir to a ` +
      `folder that is reachable, or start Weir as another user`,
  );
}

/** Folders that root makes are passable whatever the umask says; PostgreSQL's own is private. */
function makeFolder(folder: string, account: Account | undefined): void {
  const missing: string[] = [];
  for (let path = folder; !existsSync(path); path = dirname(path)) missing.unshift(path);
  try {
    mkdirSync(folder, { recursive: true });
    if (account) for (const path of missing) chmodSync(path, 0o755);
  } catch (error) {
    throw new StorageError(
      `The folder ${folder} for the embedded database cannot be made (${errorText(error)}); ` +
        `set storage.embedded.dataDir to one that can`,
    );
  }
}

async function layout(folder: string, account: Account | undefined): Promise<EmbeddedFolder> {
  const dataDir = realpathSync(folder);
  const instance = instanceFolder(dataDir);
  return {
    dataDir,
    instance,
    data: join(instance, 'data'),
    passwordFile: join(instance, 'password'),
    socketDir: await socketFolder(instance, account),
  };
}

/** Where the files of the database are, in the folder that was asked for. */
export const instanceFolder = (dataDir: string): string => join(resolve(dataDir), 'instance');

/** The longest path of a Unix socket, without the final NUL (`sun_path`; 104 on macOS). */
const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;

/** In the folder itself if its path is short, so that whoever shares the folder finds it. */
async function socketFolder(instance: string, account: Account | undefined): Promise<string> {
  const inside = join(instance, 'run');
  if (isShort(inside)) return inside;
  const print = createHash('sha256').update(instance).digest('hex').slice(0, 16);
  const name = `weir-${process.getuid?.() ?? 0}-${print}`;
  const folder = [tmpdir(), '/tmp'].map((parent) => join(parent, name)).find(isShort);
  if (folder === undefined) throw new StorageError(`No folder is short enough for a Unix socket`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await giveTo(account, folder);
  return folder;
}

const isShort = (folder: string): boolean =>
  Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= SOCKET_PATH_BYTES_MAX;

/** Hands a folder of ours to the account; refuses one that somebody else put there. */
async function giveTo(account: Account | undefined, folder: string): Promise<void> {
  const { uid } = lstatSync(folder);
  const self = process.getuid?.() ?? uid;
  if (uid !== self && uid !== account?.uid)
    throw new StorageError(`${folder} belongs to another user (uid ${uid}); remove it`);
  if (account) await chown(folder, account.uid, account.gid);
  await chmod(folder, 0o700);
}

/** The whole tree, in case the account is another one than last time. */
export async function giveTree(account: Account | undefined, folder: string): Promise<void> {
  if (!account || lstatSync(folder).uid === account.uid) return;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries)
    if (!entry.isSymbolicLink())
      await chown(join(entry.parentPath, entry.name), account.uid, account.gid);
  await chown(folder, account.uid, account.gid);
}

/** Refuses data that these binaries cannot read. False if there is none yet. */
export async function hasUsableData(
  { dataDir, instance, data }: EmbeddedFolder,
  majorVersion: number,
): Promise<boolean> {
  if (existsSync(join(dataDir, 'PG_VERSION')))
    throw new StorageError(
      `${dataDir} is the data folder of a PostgreSQL that Weir did not make; ` +
        `set storage.embedded.dataDir to an empty folder`,
    );
  if (!existsSync(instance)) return false;
  const found = await readVersion(data);
  if (found.trim() === String(majorVersion)) return true;
  if (found === '')
    throw new StorageError(`${data} is damaged: PG_VERSION is missing. Restore it from a backup`);
  throw new StorageError(
    `${dataDir} holds data of PostgreSQL ${found.trim()}, and this Weir brings PostgreSQL ${majorVersion}. ` +
      `Start the Weir that wrote it, export with pg_dump and import into a new folder ` +
      `(storage.embedded.dataDir); nothing has been changed`,
  );
}

async function readVersion(data: string): Promise<string> {
  try {
    return await readFile(join(data, 'PG_VERSION'), 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw new StorageError(
      `${data} cannot be read (${errorText(error)}): another user has made it. Start Weir as that ` +
        `user, or set storage.embedded.dataDir to another folder`,
    );
  }
}

const MAKING = '.making-';

/** The name of an instance in the making; the id tells those of several starts apart. */
export function makingFolder({ dataDir }: EmbeddedFolder, id: string): string {
  return join(dataDir, MAKING + id);
}

/**
 * What a start that was killed left behind. Only the holder of the folder may. A start that is still at
 * it fills its folder while this empties it; it has lost, and clears up behind itself.
 */
export async function removeLeftovers({ dataDir }: Pick<EmbeddedFolder, 'dataDir'>): Promise<void> {
  const names = (await readdir(dataDir)).filter((name) => name.startsWith(MAKING));
  for (const name of names)
    await removeFolder(join(dataDir, name)).catch((error: unknown) => {
      if (errorCode(error) !== 'ENOTEMPTY') throw error;
    });
}
