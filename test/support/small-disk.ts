import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { errorCode } from '../../src/storage/postgres-error.js';

const CHUNK_BYTES = 64 * 1_024;

/** A file system of its own, small enough to be filled. Only root may make one. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Undefined where this is not allowed, with the reason on standard error: tests must not pass unseen. */
  static make(megabytes: number): SmallDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'weir-disk-'));
    const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder];
    const { status, stderr, error } = spawnSync('mount', options, { encoding: 'utf8' });
    if (status === 0) {
      // As root the database runs as another user, who has to pass through.
      chmodSync(folder, 0o755);
      return new SmallDisk(folder);
    }
    removeFolderSync(folder);
    const reason = error?.message ?? stderr.trim();
    process.stderr.write(`SKIPPED: no disk of ${megabytes} MB can be made: ${reason}\n`);
    return undefined;
  }

  /** Takes all the room that is left. */
  fill(): void {
    const ballast = openSync(this.ballast, 'w');
    try {
      for (let size = CHUNK_BYTES; size >= 1; size = size > 1 ? size >> 1 : 0)
        this.writeWhileItFits(ballast, Buffer.alloc(size));
    } finally {
      closeSync(ballast);
    }
  }

  empty(): void {
    rmSync(this.ballast, { force: true });
  }

  remove(): void {
    spawnSync('umount', ['--lazy', this.folder]);
    removeFolderSync(this.folder);
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }

  private writeWhileItFits(file: number, chunk: Buffer): void {
    for (;;) {
      try {
        if (writeSync(file, chunk) < chunk.length) return;
      } catch (error) {
        if (errorCode(error) === 'ENOSPC') return;
        throw error;
      }
    }
  }
}
