import { assert, present } from '../../common/assert.js';
import { JournalError, JournalFault } from './journal-fault.js';
import { type JournalFile, JournalFolder } from './journal-folder.js';

/** The folder's twin, in memory, with everything that can happen to a disk. For tests. */
export class MemoryJournalFolder extends JournalFolder {
  override readonly path = 'memory';
  readonly files = new Map<string, Uint8Array>();
  /** How many bytes fit, over all files. */
  roomBytes = Number.MAX_SAFE_INTEGER;
  /** How many times the files have been made durable by an append. */
  syncs = 0;
  private isTaken = false;
  private isDead = false;
  private tearAfter: number | undefined;
  private unsynced = 0;

  /** The next append leaves so many of its bytes, and then the machine is dead until {@link revive}. */
  tearNextAppend(keptBytes: number): void {
    this.tearAfter = keptBytes;
  }

  /** So many appends write everything and cannot make it durable. */
  failSyncs(times: number): void {
    this.unsynced = times;
  }

  /** What the next process finds. */
  revive(): void {
    this.isDead = false;
    this.isTaken = false;
  }

  flipBit(name: string, bit: number): void {
    const bytes = present(this.files.get(name), `${name} is there`);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }

  async open(): Promise<void> {
    if (this.isTaken) throw new JournalError('the folder is in use');
    this.isTaken = true;
  }

  async close(): Promise<void> {
    this.isTaken = false;
  }

  async list(): Promise<readonly JournalFile[]> {
    return [...this.files].map(([name, bytes]) => ({ name, bytes: bytes.length }));
  }

  async read(name: string, from: number, end: number): Promise<Uint8Array> {
    return (this.files.get(name) ?? new Uint8Array()).slice(from, end);
  }

  async append(name: string, at: number, bytes: Uint8Array): Promise<void> {
    this.checkAlive();
    const before = this.files.get(name) ?? new Uint8Array();
    assert(before.length === at && (at > 0 || !this.files.has(name)), 'an append is at the end');
    const kept = Math.min(bytes.length, this.tearAfter ?? bytes.length, this.free());
    this.files.set(name, joined(before, bytes.subarray(0, kept)));
    if (this.tearAfter !== undefined) {
      this.tearAfter = undefined;
      this.isDead = true;
      this.checkAlive();
    }
    if (kept < bytes.length) throw new JournalFault('no space left on device', true);
    if (this.unsynced-- > 0) throw new JournalFault('input/output error', false);
    this.unsynced = 0;
    this.syncs++;
  }

  async truncate(name: string, length: number): Promise<void> {
    this.checkAlive();
    const bytes = this.files.get(name);
    if (bytes !== undefined) this.files.set(name, bytes.slice(0, length));
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    this.checkAlive();
    if (bytes.length > this.free()) throw new JournalFault('no space left on device', true);
    this.files.set(name, bytes.slice());
  }

  async remove(name: string): Promise<void> {
    this.checkAlive();
    this.files.delete(name);
  }

  private free(): number {
    const used = [...this.files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    return Math.max(0, this.roomBytes - used);
  }

  private checkAlive(): void {
    if (this.isDead) throw new JournalFault('the machine is dead', false);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
