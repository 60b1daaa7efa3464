import type { Log } from '../../common/log.js';
import { encodeHeader, HEADER_BYTES } from '../core/journal-record.js';
import { type Damage, type ScannedRecord, scanRecords, scanSegment } from '../core/journal-scan.js';
import { JournalError } from './journal-fault.js';
import type { JournalFolder } from './journal-folder.js';

export interface Segment {
  readonly number: number;
  readonly name: string;
  /** What is durable of it; the file may have more after a write that failed. */
  bytes: number;
}

const NAME = /^journal-(\d{10})\.log$/;

const nameOf = (number: number): string => `journal-${String(number).padStart(10, '0')}.log`;

/** The files of the journal, oldest first; the last one is written if it was made since the start. */
export class JournalSegments {
  private list: Segment[] = [];
  private active: Segment | undefined;
  private nextNumber = 1;
  private readonly knownDamages = new Set<string>();

  constructor(
    private readonly folder: JournalFolder,
    private readonly log: Log,
    private readonly segmentBytesMax: number,
  ) {}

  /** Damaged or foreign records that were set aside. */
  get setAside(): number {
    return this.knownDamages.size;
  }

  get first(): Segment | undefined {
    return this.list[0];
  }

  get bytes(): number {
    return this.list.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  isActive(segment: Segment): boolean {
    return segment === this.active;
  }

  /** Finds what is there; numbers go on after the one given. */
  async open(lastNumber: number): Promise<void> {
    const files = await this.folder.list();
    this.list = files
      .flatMap(({ name, bytes }) => {
        const [, number] = NAME.exec(name) ?? [];
        return number === undefined ? [] : [{ number: Number(number), name, bytes }];
      })
      .sort((a, b) => a.number - b.number);
    this.nextNumber = Math.max(lastNumber, this.list.at(-1)?.number ?? 0) + 1;
  }

  all(): readonly Segment[] {
    return [...this.list];
  }

  /**
   * Reads all of a segment as the last process left it: a torn end is cut off, what is damaged is set
   * aside.
   *
   * @throws JournalError if it is not ours, or a later version's.
   */
  async examine(segment: Segment): Promise<readonly ScannedRecord[]> {
    const bytes = await this.folder.read(segment.name, 0, segment.bytes);
    const scan = scanSegment(bytes);
    if (scan.kind === 'newer') throw newer(this.folder.path, segment.name, scan.version);
    if (scan.kind === 'foreign') throw foreign(this.folder.path, segment.name);
    await this.handleDamages(segment, scan.damages);
    return scan.records;
  }

  /** The records from a place where one begins to the end of what is durable. */
  async readFrom(segment: Segment, offset: number): Promise<readonly ScannedRecord[]> {
    if (offset >= segment.bytes) return [];
    const bytes = await this.folder.read(segment.name, offset, segment.bytes);
    const { records, damages } = scanRecords(bytes, 0);
    await this.handleDamages(
      segment,
      damages.map((damage) => ({ ...moved(damage, offset), kind: wholeKind(damage) })),
    );
    return records.map((record) => moved(record, offset));
  }

  /** Durable when it resolves; when it throws, nothing of it will be read. */
  async append(bytes: Uint8Array): Promise<void> {
    const isRoomy =
      this.active !== undefined && this.active.bytes + bytes.length <= this.segmentBytesMax;
    const segment = isRoomy && this.active ? this.active : this.begin();
    const written = segment.bytes === 0 ? withHeader(segment.number, bytes) : bytes;
    try {
      await this.folder.append(segment.name, segment.bytes, written);
      segment.bytes += written.length;
    } catch (error) {
      await this.abandon(segment);
      throw error;
    }
  }

  async remove(segment: Segment): Promise<void> {
    if (segment === this.active) this.active = undefined;
    await this.folder.remove(segment.name);
    this.list = this.list.filter((other) => other !== segment);
  }

  private begin(): Segment {
    const number = this.nextNumber++;
    const segment = { number, name: nameOf(number), bytes: 0 };
    this.list.push(segment);
    this.active = segment;
    return segment;
  }

  /** After a failed sync nobody knows what the disk has, so the file is never written again. */
  private async abandon(segment: Segment): Promise<void> {
    this.active = undefined;
    try {
      if (segment.bytes === 0) await this.remove(segment);
      else await this.folder.truncate(segment.name, segment.bytes);
    } catch (error) {
      this.log.warn({ error: String(error) }, 'The journal could not undo a write that had failed');
    }
  }

  private async handleDamages(segment: Segment, damages: readonly Damage[]): Promise<void> {
    const torn = damages.find(({ kind }) => kind === 'torn');
    const rest = damages.filter(({ kind }) => kind !== 'torn');
    if (rest.length > 0) await this.setDamagesAside(segment, rest);
    if (torn === undefined) return;
    this.log.warn(
      { file: segment.name, bytes: torn.end - torn.from },
      'The journal ends in a record that was not written to its end; nobody was told that it was durable, and it is cut off',
    );
    await this.folder.truncate(segment.name, torn.from);
    segment.bytes = torn.from;
  }

  /** The same damage found again gives the same file. */
  private async setDamagesAside(segment: Segment, damages: readonly Damage[]): Promise<void> {
    for (const { kind, from, end } of damages) {
      const name = `${segment.name}.${from}.corrupt`;
      if (this.knownDamages.has(name)) continue;
      await this.folder.replace(name, await this.folder.read(segment.name, from, end));
      this.knownDamages.add(name);
      this.log.error(
        { file: segment.name, from, bytes: end - from, kind, copy: name },
        'A record of the journal cannot be read; it is set aside, and the next one is gone on with',
      );
    }
  }
}

/** What was durable cannot be torn. */
const wholeKind = ({ kind }: Damage): Damage['kind'] => (kind === 'torn' ? 'damaged' : kind);

const moved = <T extends { readonly from: number; readonly end: number }>(
  range: T,
  by: number,
): T => ({
  ...range,
  from: range.from + by,
  end: range.end + by,
});

function withHeader(number: number, records: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + records.length);
  bytes.set(encodeHeader(number));
  bytes.set(records, HEADER_BYTES);
  return bytes;
}

function foreign(folder: string, name: string): JournalError {
  return new JournalError(
    `${folder}/${name} is not a file of this journal, or nothing of it can be read. Move it out of the ` +
      'folder and keep it: if it was a journal, it holds debits that the database may not have',
  );
}

function newer(folder: string, name: string, version: number): JournalError {
  return new JournalError(
    `${folder}/${name} was written by a later Weir (format ${version}). Let that version replay it, then ` +
      'start this one',
  );
}
