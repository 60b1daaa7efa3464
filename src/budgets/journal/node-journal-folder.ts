import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Injectable } from '@nestjs/common';
import { WeirConfig } from '../../config/weir-config.js';
import { errorCode, errorText } from '../../storage/postgres-error.js';
import { FolderLock } from './folder-lock.js';
import { JournalError, JournalFault } from './journal-fault.js';
import { type JournalFile, JournalFolder } from './journal-folder.js';

/** No room on the device, a quota reached, a file as large as the system allows. */
const FULL_CODES = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What debits say is nobody else's business. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

@Injectable()
export class NodeJournalFolder extends JournalFolder {
  override readonly path: string;
  private lock: FolderLock | undefined;
  /** The file that was appended to last stays open. */
  private current: { readonly name: string; readonly handle: FileHandle } | undefined;

  constructor(config: WeirConfig) {
    super();
    this.path = resolve(config.journal.dataDir);
  }

  async open(): Promise<void> {
    try {
      const made = await mkdir(dirname(this.path), { recursive: true });
      await mkdir(this.path, { recursive: true, mode: FOLDER_MODE });
      await syncParents(this.path, dirname(made ?? this.path));
      this.lock = await FolderLock.take(this.path);
    } catch (error) {
      if (error instanceof JournalError) throw error;
      throw new JournalError(
        `The journal's folder ${this.path} cannot be used: ${errorText(error)}. Make it writable, or ` +
          `name another one with journal.dataDir`,
        { cause: error },
      );
    }
  }

  async close(): Promise<void> {
    await this.closeCurrent();
    await this.lock?.release();
    this.lock = undefined;
  }

  async list(): Promise<readonly JournalFile[]> {
    const entries = await readdir(this.path, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    return Promise.all(
      files.map(async ({ name }) => ({ name, bytes: (await stat(join(this.path, name))).size })),
    );
  }

  read(name: string, from: number, end: number): Promise<Uint8Array> {
    return faulted(`read ${name}`, async () => {
      const handle = await openIfThere(join(this.path, name));
      if (handle === undefined) return new Uint8Array();
      try {
        return await readRange(handle, from, end);
      } finally {
        await handle.close();
      }
    });
  }

  append(name: string, at: number, bytes: Uint8Array): Promise<void> {
    return faulted(`write ${name}`, async () => {
      const handle = await this.handleOf(name, at === 0);
      await writeAll(handle, bytes, at);
      await handle.datasync();
      if (at === 0) await syncFolder(this.path);
    });
  }

  truncate(name: string, length: number): Promise<void> {
    return faulted(`cut ${name}`, async () => {
      await this.closeCurrent();
      const handle = await open(join(this.path, name), 'r+');
      try {
        await handle.truncate(length);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  replace(name: string, bytes: Uint8Array): Promise<void> {
    return faulted(`write ${name}`, async () => {
      const temporary = join(this.path, `${name}.new`);
      const handle = await open(temporary, 'w', FILE_MODE);
      try {
        await writeAll(handle, bytes, 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(temporary, join(this.path, name));
      await syncFolder(this.path);
    });
  }

  remove(name: string): Promise<void> {
    return faulted(`remove ${name}`, async () => {
      if (this.current?.name === name) await this.closeCurrent();
      await rm(join(this.path, name), { force: true });
      await syncFolder(this.path);
    });
  }

  private async handleOf(name: string, isNew: boolean): Promise<FileHandle> {
    if (this.current?.name === name && !isNew) return this.current.handle;
    await this.closeCurrent();
    const handle = await open(join(this.path, name), isNew ? 'wx' : 'r+', FILE_MODE);
    this.current = { name, handle };
    return handle;
  }

  private async closeCurrent(): Promise<void> {
    const { current } = this;
    this.current = undefined;
    await current?.handle.close();
  }
}

async function faulted<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isFull = FULL_CODES.includes(errorCode(error) ?? '');
    throw new JournalFault(`cannot ${what}: ${errorText(error)}`, isFull, { cause: error });
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function readRange(handle: FileHandle, from: number, end: number): Promise<Uint8Array> {
  const { size } = await handle.stat();
  const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - from));
  for (let read = 0; read < bytes.length;) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read);
    if (bytesRead === 0) return bytes.subarray(0, read);
    read += bytesRead;
  }
  return bytes;
}

/** One write may take less than it was given, as when a disk is about to be full. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const rest = bytes.length - written;
    written += (await handle.write(bytes, written, rest, at + written)).bytesWritten;
  }
}

/** A name is durable when the folder that has it is. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncParents(path: string, top: string): Promise<void> {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === top || folder === dirname(folder)) return;
  }
}
