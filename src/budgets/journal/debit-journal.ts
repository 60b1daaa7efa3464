import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/clock.js';
import { DomainError } from '../../common/domain-error.js';
import { Log } from '../../common/log.js';
import type { JournalConfig } from '../../config/journal-config.js';
import { WeirConfig } from '../../config/weir-config.js';
import { JournalBook } from '../core/journal-book.js';
import type { JournalAnswer, JournalEntry } from '../core/journal-entry.js';
import { encodePosition, type JournalPosition, readPosition } from '../core/journal-position.js';
import { encodeRecord, HEADER_BYTES } from '../core/journal-record.js';
import type { ScannedRecord } from '../core/journal-scan.js';
import { JournalFault } from './journal-fault.js';
import { JournalFolder } from './journal-folder.js';
import { JournalSegments, type Segment } from './journal-segments.js';

export type AppendAnswer =
  JournalAnswer | { readonly kind: 'refused'; readonly error: DomainError };

/** Large enough that few files are made, small enough to be read in one piece. */
const SEGMENT_BYTES_MAX = 16 * 1024 * 1024;

/** So many segments of a small journal, so that replaying frees room before all of it is done. */
const SEGMENTS_MIN = 8;

const START: JournalPosition = { segment: 0, offset: 0 };

const POSITION = 'position';
const PROBE = 'probe';
const PROBE_BYTES = 64 * 1024;
const RETRY_AFTER_MS = 1_000;

/**
 * The queue on disk: debits go in at one end, in groups, and are taken out at the other when the ledger
 * has them. It knows nothing of the ledger and has no timer. One append and one removal may be under way
 * at once, not two.
 */
@Injectable()
export class DebitJournal {
  private readonly book = new JournalBook();
  private readonly segments: JournalSegments;
  private position = START;
  /** What has been read of the first segment and not been taken out. */
  private ready: readonly ScannedRecord[] = [];
  private isWriting = false;
  private fullness: 'none' | 'bound' | 'disk' = 'none';
  private hasOpened = false;
  private readonly options: JournalConfig;

  constructor(
    private readonly folder: JournalFolder,
    private readonly clock: Clock,
    private readonly log: Log,
    config: WeirConfig,
  ) {
    this.options = config.journal;
    const segmentBytesMax = Math.min(SEGMENT_BYTES_MAX, this.options.bytesMax / SEGMENTS_MIN);
    this.segments = new JournalSegments(folder, log, segmentBytesMax);
  }

  get isOpen(): boolean {
    return this.hasOpened;
  }

  /** Whether it holds nothing that the ledger may not have. */
  get isEmpty(): boolean {
    return this.hasOpened && this.book.records === 0 && !this.isWriting;
  }

  get records(): number {
    return this.book.records;
  }

  get bytes(): number {
    return this.segments.bytes;
  }

  get isFull(): boolean {
    return this.fullness !== 'none';
  }

  get setAside(): number {
    return this.segments.setAside;
  }

  oldestAgeMs(): number {
    const oldestAt = this.book.oldestAt();
    return oldestAt === undefined ? 0 : Math.max(0, this.clock.wallNow() - oldestAt);
  }

  /** @throws JournalError, for an operator, if the folder or a file in it cannot be used. */
  async open(): Promise<void> {
    await this.folder.open();
    try {
      const position = await this.readPosition();
      await this.segments.open(position.segment);
      await this.examine(position);
    } catch (error) {
      await this.folder.close();
      throw error;
    }
    this.hasOpened = true;
  }

  async close(): Promise<void> {
    if (!this.hasOpened) return;
    this.hasOpened = false;
    await this.folder.close();
  }

  /** Answers in the order of the entries; what is answered as journaled is on disk. */
  async append(entries: readonly JournalEntry[]): Promise<readonly AppendAnswer[]> {
    const { admissions, toWrite } = this.book.admit(entries);
    const { encoded, refusal } = this.fitting(toWrite);
    const fault = encoded.length === 0 ? undefined : await this.write(encoded);
    if (fault === undefined)
      for (const entry of toWrite.slice(0, encoded.length)) this.book.add(entry);
    return admissions.map(({ answer, write }): AppendAnswer => {
      if (write === undefined) return answer;
      const error = write < encoded.length ? fault : refusal;
      return error === undefined ? answer : { kind: 'refused', error };
    });
  }

  /** The oldest records that were not taken out, at most so many; none if there are none. */
  async next(most: number): Promise<readonly ScannedRecord[]> {
    while (this.ready.length === 0) {
      const segment = this.segments.first;
      if (segment === undefined) return this.nothing();
      const { bytes } = segment;
      this.ready = await this.segments.readFrom(segment, this.offsetIn(segment));
      if (this.ready.length > 0) break;
      if (segment.bytes > bytes) continue;
      if (this.segments.isActive(segment) && this.isWriting) return [];
      await this.segments.remove(segment);
      this.noteRoom();
    }
    return this.ready.slice(0, most);
  }

  /** The ledger has what {@link next} returned, or the dead letters do. */
  async takeOut(records: readonly ScannedRecord[]): Promise<void> {
    const last = records.at(-1);
    const segment = this.segments.first;
    if (last === undefined || segment === undefined) return;
    for (const { entry } of records) this.book.remove(entry);
    this.ready = this.ready.slice(records.length);
    this.position = { segment: segment.number, offset: last.end };
    await this.savePosition();
  }

  /** Whether a disk that was full has room again; otherwise only the next debit would find out. */
  async lookForRoom(): Promise<void> {
    if (this.fullness !== 'disk') return;
    try {
      await this.folder.replace(PROBE, new Uint8Array(PROBE_BYTES));
      await this.folder.remove(PROBE);
      this.fullness = 'none';
    } catch (error) {
      if (!(error instanceof JournalFault)) throw error;
    }
  }

  /** As many as the bounds allow, in order, and why not the others. */
  private fitting(entries: readonly JournalEntry[]) {
    const { bytesMax, recordsMax } = this.options;
    const encoded: Uint8Array[] = [];
    let bytes = this.segments.bytes + HEADER_BYTES;
    for (const entry of entries) {
      const record = encodeRecord(entry);
      bytes += record.length;
      if (bytes > bytesMax || this.book.records + encoded.length >= recordsMax) {
        this.fullness = 'bound';
        return { encoded, refusal: boundReached(this.options) };
      }
      encoded.push(record);
    }
    return { encoded, refusal: undefined };
  }

  private async write(records: readonly Uint8Array[]): Promise<DomainError | undefined> {
    this.isWriting = true;
    try {
      await this.segments.append(joined(records));
      if (this.fullness === 'disk') this.fullness = 'none';
      return undefined;
    } catch (error) {
      if (!(error instanceof JournalFault)) throw error;
      if (error.isFull) this.fullness = 'disk';
      this.log.error({ error: error.message }, 'The journal could not take debits');
      return unwritten(error);
    } finally {
      this.isWriting = false;
    }
  }

  /** No file is left, so what the book still has was set aside as unreadable. */
  private nothing(): readonly ScannedRecord[] {
    if (!this.isWriting) this.book.clear();
    return [];
  }

  private noteRoom(): void {
    if (this.fullness === 'bound') this.fullness = 'none';
  }

  private offsetIn(segment: Segment): number {
    return segment.number === this.position.segment ? this.position.offset : HEADER_BYTES;
  }

  private async examine(position: JournalPosition): Promise<void> {
    this.position = position;
    for (const segment of this.segments.all()) {
      const records = await this.segments.examine(segment);
      if (segment.number === position.segment && segment.bytes < position.offset)
        this.position = START;
      const isDone = segment.number < position.segment;
      const from = isDone ? Infinity : this.offsetIn(segment);
      for (const record of records) if (record.from >= from) this.book.add(record.entry);
      if (isDone) await this.segments.remove(segment);
    }
  }

  private async readPosition(): Promise<JournalPosition> {
    const bytes = await this.folder.read(POSITION, 0, HEADER_BYTES);
    const position = readPosition(bytes);
    if (position !== undefined) return position;
    if (bytes.length > 0)
      this.log.warn({}, "The journal's position cannot be read; all of it is sent again");
    return START;
  }

  /** Without it a restart sends again what the ledger has; that is no reason to stop. */
  private async savePosition(): Promise<void> {
    try {
      await this.folder.replace(POSITION, encodePosition(this.position));
    } catch (error) {
      if (!(error instanceof JournalFault)) throw error;
      this.log.warn({ error: error.message }, "The journal's position could not be written");
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function boundReached({ bytesMax, recordsMax }: JournalConfig): DomainError {
  const message =
    `the database cannot be reached and the journal is full (journal.bytesMax ${bytesMax}, ` +
    `journal.recordsMax ${recordsMax}); nothing was recorded`;
  return new DomainError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS });
}

function unwritten(cause: JournalFault): DomainError {
  const why = cause.isFull ? 'the disk of the journal is full' : 'the journal cannot be written';
  const message = `the database cannot be reached and ${why}; nothing was recorded`;
  return new DomainError('UNAVAILABLE', message, { retryAfterMs: RETRY_AFTER_MS, cause });
}
