import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { StorageError } from './storage-error.js';

/** The user that runs PostgreSQL, which refuses to run as root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const CANDIDATES = ['postgres', 'nobody'];

/**
 * Whom to run as: undefined unless we are root, and then whoever has the data already (`owned` is a
 * folder of theirs), or else a user that is there. None is created: a service must not change the
 * users of a machine.
 */
export function embeddedAccount(owned: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = ownerOf(owned);
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map(toAccount)
    .filter((user) => user !== undefined && user.uid !== 0);
  const account =
    users.find((user) => user?.uid === owner) ??
    CANDIDATES.map((name) => users.find((user) => user?.name === name)).find(Boolean);
  if (account) return account;
  throw new StorageError(
    'The embedded database cannot run as root, and there is no user postgres or nobody to run it as. ' +
      'Start Weir as another user, or set storage.postgres.host to an outside database',
  );
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    // Whatever is wrong with the path, whoever makes or opens it has the better words.
    return undefined;
  }
}

/** Options for a child process: who it is, and a working directory that it can enter. */
export function runAs(account: Account | undefined): { uid?: number; gid?: number; cwd: string } {
  return account ? { uid: account.uid, gid: account.gid, cwd: '/' } : { cwd: process.cwd() };
}

/**
 * Whether the account can go through all folders above `path` and read it (and enter or execute it).
 * Asked of the kernel as that user, since modes alone do not tell.
 */
export function canReach(account: Account | undefined, path: string): boolean {
  if (!account) return true;
  const script = 'test -r "$1" && test -x "$1"';
  const { status, error } = spawnSync('/bin/sh', ['-c', script, 'sh', path], {
    ...runAs(account),
    stdio: 'ignore',
  });
  // Without a shell nobody can be asked; PostgreSQL will say what it cannot reach.
  return error !== undefined || status === 0;
}

function toAccount(line: string): Account | undefined {
  const [name, , uid, gid] = line.split(':');
  if (name === undefined || uid === undefined || gid === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid) };
}
