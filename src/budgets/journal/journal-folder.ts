export interface JournalFile {
  readonly name: string;
  readonly bytes: number;
}

/**
 * A folder on a disk that this process has for itself. What a method has done is durable when it
 * resolves; after a `JournalFault` it is not known what the disk has, which is for the caller to undo.
 * Adapters: `node:fs`, and a twin in memory that can be told to fail; both pass
 * `test/contract/journal-folder.contract.ts`.
 */
export abstract class JournalFolder {
  /** What messages call it. */
  abstract readonly path: string;

  /**
   * Takes the folder, and makes it if it is not there.
   *
   * @throws JournalError if another process has it, or if it cannot be written.
   */
  abstract open(): Promise<void>;

  /** Gives the folder back. */
  abstract close(): Promise<void>;

  /** The files in it, in no order. Folders are none. */
  abstract list(): Promise<readonly JournalFile[]>;

  /** The bytes of a range, fewer where the file ends; of a file that is not there, none. */
  abstract read(name: string, from: number, end: number): Promise<Uint8Array>;

  /** Writes at the end of a file, which its caller knows; at 0 it makes the file, which must be new. */
  abstract append(name: string, at: number, bytes: Uint8Array): Promise<void>;

  abstract truncate(name: string, length: number): Promise<void>;

  /** The file has these bytes or what it had before, and nothing in between. */
  abstract replace(name: string, bytes: Uint8Array): Promise<void>;

  /** A file that is not there is as good as removed. */
  abstract remove(name: string): Promise<void>;
}
