import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../../storage/postgres-error.js';
import { JournalError } from './journal-fault.js';

const LOCK_NAME = 'lock';

/** How often a holder shows that it lives, for those who cannot see its process. */
const BEAT_MS = 1_000;

/** A holder that has not shown itself for so long is dead, stopped ones aside. */
const SILENCE_MS = 10_000;

const POLL_MS = 250;

/** A process, told apart from a later one with the same number. */
interface Holder {
  readonly pid: number;
  /** When the process started, in the kernel's ticks; empty where the system does not tell. */
  readonly started: string;
  /** In which process numbers mean the same as here; a container has its own. */
  readonly namespace: string;
}

/**
 * Who has a folder, as a file with the process's number. A holder of our namespace is looked up; one of
 * another container counts as alive until it has not touched the file for ten seconds.
 */
export class FolderLock {
  private readonly beat: NodeJS.Timeout;

  private constructor(private readonly path: string) {
    this.beat = setInterval(() => void touch(path), BEAT_MS);
    this.beat.unref();
  }

  /** @throws JournalError naming the holder, if it lives. */
  static async take(folder: string): Promise<FolderLock> {
    const path = join(folder, LOCK_NAME);
    for (;;) {
      if (await create(path)) return new FolderLock(path);
      const text = await readFile(path, 'utf8').catch(() => '');
      const holder = readHolder(text);
      if (holder !== undefined && isHere(holder)) throw inUse(folder, `process ${holder.pid}`);
      if (holder === undefined || holder.namespace !== self().namespace)
        await outwait(folder, path, holder);
      await moveAway(path, text);
    }
  }

  async release(): Promise<void> {
    clearInterval(this.beat);
    await rm(this.path, { force: true });
  }
}

/** False if there is one. */
async function create(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      await handle.write(JSON.stringify(self()));
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

function isHere(holder: Holder): boolean {
  if (holder.namespace !== self().namespace) return false;
  return isRunning(holder.pid) && startOf(holder.pid) === holder.started;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/** Returns when the file has not been touched for long enough. */
async function outwait(folder: string, path: string, holder: Holder | undefined): Promise<void> {
  const deadline = performance.now() + SILENCE_MS + BEAT_MS;
  const first = await touchedAt(path);
  for (let last = first; last !== undefined; last = await touchedAt(path)) {
    if (last !== first)
      throw inUse(folder, holder ? `process ${holder.pid} of another container` : 'alive');
    if (Date.now() - last > SILENCE_MS || performance.now() > deadline) return;
    await delay(POLL_MS);
  }
}

async function touchedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/** Of two that find a dead holder's file at once, the slower one must not take the faster one's. */
async function moveAway(path: string, judged: string): Promise<void> {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = await readFile(aside, 'utf8');
  if (moved === judged) await rm(aside, { force: true });
  else await rename(aside, path);
}

function readHolder(text: string): Holder | undefined {
  try {
    const { pid, started, namespace } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || started === undefined || namespace === undefined) return;
    return { pid: Number(pid), started, namespace };
  } catch {
    return undefined;
  }
}

const self = (): Holder => ({
  pid: process.pid,
  started: startOf(process.pid),
  namespace: namespaceOfSelf(),
});

/**
 * Field 22 of `/proc/PID/stat`; the name in field 2 may contain anything but the last parenthesis. A
 * process that has ended and that its parent has not asked about (`Z`) never started, as it were.
 */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? 'ended' : (fields[19] ?? '');
  } catch {
    return '';
  }
}

function namespaceOfSelf(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function inUse(folder: string, holder: string): JournalError {
  return new JournalError(
    `The journal's folder ${folder} is in use by another Weir (${holder}). Stop that one, or give this ` +
      `one a folder of its own with journal.dataDir`,
  );
}
