import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../common/log.js';
import { removeFolder } from '../common/remove-folder.js';
import { type Account, runAs } from './embedded-account.js';
import type { Binaries } from './embedded-binaries.js';
import { type EmbeddedFolder, giveTree, hasUsableData, makingFolder } from './embedded-folder.js';
import { StorageError } from './storage-error.js';

export interface InstanceRequest {
  readonly folder: EmbeddedFolder;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly log: Log;
}

export const SUPERUSER = 'weir';

/** Makes the database's files if there are none. Two starts may race; one of them wins whole. */
export async function ensureInstance(request: InstanceRequest): Promise<void> {
  const { folder, binaries, account, log } = request;
  if (!(await hasUsableData(folder, binaries.majorVersion))) {
    log.info({ folder: folder.dataDir }, 'making the embedded database');
    await makeInstance(request);
  }
  await giveTree(account, folder.instance);
}

async function makeInstance({ folder, binaries, account }: InstanceRequest): Promise<void> {
  const making = makingFolder(folder, randomUUID());
  try {
    await mkdir(making, { mode: 0o700 });
    await mkdir(join(making, 'run'), { mode: 0o700 });
    await writePassword(join(making, 'password'));
    await giveTree(account, making);
    await initialise(making, binaries, account);
    await rename(making, folder.instance);
    await syncFolder(folder.dataDir);
  } catch (error) {
    await removeFolder(making);
    // A rival was done first. Then it may have cleared our folder away as well, under initdb's feet.
    if (!existsSync(folder.instance)) throw error;
  }
}

async function writePassword(path: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(randomBytes(32).toString('hex'));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Windows cannot, and need not, sync a folder. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Code-point order everywhere, whatever the machine's locale, so that a moved folder sorts the same. */
async function initialise(
  making: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<void> {
  await run(
    binaries.program('initdb'),
    [
      `--pgdata=${join(making, 'data')}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${join(making, 'password')}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
      '--no-instructions',
    ],
    account,
  );
}

/** Nothing of ours is inherited: variables such as PGDATA would change what the programs do. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { PATH, SystemRoot, TEMP } = process.env;
  return { PATH, SystemRoot, TEMP, LC_ALL: 'C', TZ: 'UTC' };
}

const OUTPUT_MAX = 4000;

/** Runs one of PostgreSQL's programs to its end. */
export async function run(
  program: string,
  parameters: readonly string[],
  account: Account | undefined,
): Promise<void> {
  const child = spawn(program, parameters, {
    ...runAs(account),
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  let output = '';
  const keep = (text: unknown): void => {
    output = (output + String(text)).slice(-OUTPUT_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0)
    throw new StorageError(`${program} failed (${code}): ${output.trim().split('\n').join(' | ')}`);
}
