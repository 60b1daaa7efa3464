import { readlinkSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { EmbeddedFolder } from './embedded-folder.js';
import { errorCode } from './postgres-error.js';

/** What a postmaster writes into `postmaster.pid`. */
export interface PidFile {
  readonly pid: number;
  readonly port: number;
  readonly socketDir: string;
  readonly status: string;
}

/** Undefined if there is none, or not yet a whole one. */
export async function readPidFile({ data }: EmbeddedFolder): Promise<PidFile | undefined> {
  const text = await readFile(pidFilePath(data), 'utf8').catch(() => '');
  const [pid, , , port, socketDir, , , status] = text.split('\n');
  if (!pid) return undefined;
  return {
    pid: Math.abs(Number(pid)),
    port: Number(port),
    socketDir: socketDir ?? '',
    status: status?.trim() ?? '',
  };
}

/**
 * Removes lock files whose process is gone, is waiting to be reaped, or is another program by now:
 * PostgreSQL takes any process with that id for a server of its own and would not start.
 */
export async function removeStaleLocks({ data, socketDir }: EmbeddedFolder): Promise<void> {
  for (const path of [pidFilePath(data), join(socketDir, '.s.PGSQL.5432.lock')]) {
    const text = await readFile(path, 'utf8').catch(() => '');
    const pid = Math.abs(Number.parseInt(text, 10));
    if (pid > 0 && !isPostgresOf(pid, data)) await rm(path, { force: true });
  }
}

const pidFilePath = (data: string): string => join(data, 'postmaster.pid');

/** Whether the process is the PostgreSQL server of this folder, as far as this system tells. */
export function isPostgresOf(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== 'linux') return true;
  try {
    // A postmaster's working directory is its data folder.
    return readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch (error) {
    return errorCode(error) === 'EACCES';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}
