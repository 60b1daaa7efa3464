/**
 * Entries as replicas send them, about 25 bytes each. Times are differences to one moment, groups and
 * sources are numbers of a table in front, so that a block needs nothing but itself to be read.
 *
 *   block   version, moment, groups, sources, entries
 *   entry   length, flags, fingerprint, [source], [group], end, then by its kind:
 *           window   start, taken, returned, [start, taken, returned of the one before]
 *           bucket   the same, then its level: deficit, units of a token, units of a ms, when
 *           gauge    taken, returned, lease
 *
 * What a later release adds to the end of an entry is passed over; an entry of a kind that it adds is
 * passed over and counted.
 */
import type { ByteReader } from './byte-reader.js';
import { ByteWriter } from './byte-writer.js';
import { CounterKind } from './counter-id.js';
import type { Fingerprint } from './fingerprint.js';
import { type SourceEntry } from './source-entry.js';
import type { EntrySource } from './source-table.js';

const VERSION = 1;
const KIND = 0b11;
const EARLIER = 0b100;
const REGIONAL = 0b1000;
const SOURCE = 0b1_0000;
const GROUP = 0b10_0000;
const LATER_RELEASE = 0b1100_0000;

/** What is said of a counter besides its entry. */
export interface EntryHead {
  readonly kind: CounterKind;
  readonly key: Fingerprint;
  readonly groupName: string | undefined;
  /** To the second. */
  readonly expiresAt: number;
  /** It counts in one region only. */
  readonly isRegional: boolean;
  /** Undefined: whoever sends the block. */
  readonly source: EntrySource | undefined;
}

export class EntryBlockWriter {
  private readonly body = new ByteWriter();
  private readonly one = new ByteWriter();
  private readonly groups = new Map<string, number>();
  private readonly sources = new Map<EntrySource, number>();
  private moment = 0;

  /** Begins a new block; times are written against `moment`. */
  begin(moment: number): void {
    this.moment = Math.floor(moment / 1_000) * 1_000;
    this.body.clear();
    this.groups.clear();
    this.sources.clear();
  }

  /** Of the entries so far. */
  get length(): number {
    return this.body.length;
  }

  write(head: EntryHead, entry: SourceEntry): void {
    const { one } = this;
    one.clear();
    this.writeHead(head, entry);
    if (head.kind === CounterKind.GAUGE) this.writeGauge(entry);
    else this.writeSlots(entry);
    if (head.kind === CounterKind.BUCKET) this.writeLevel(entry);
    this.body.nested(one);
  }

  /** Empty if nothing was written. */
  finish(): Uint8Array {
    if (this.body.length === 0) return NOTHING;
    const block = new ByteWriter();
    block.byte(VERSION);
    block.unsigned(this.moment);
    block.unsigned(this.groups.size);
    for (const name of this.groups.keys()) block.text(name);
    block.unsigned(this.sources.size);
    for (const { replicaId, bootId, region } of this.sources.keys())
      for (const text of [replicaId, bootId, region]) block.text(text);
    block.append(this.body.copy());
    return block.copy();
  }

  private writeHead(head: EntryHead, entry: SourceEntry): void {
    const { kind, key, groupName, source, expiresAt, isRegional } = head;
    const hasEarlier = kind !== CounterKind.GAUGE && entry.hasEarlier;
    const { one } = this;
    one.byte(
      kind |
        (hasEarlier ? EARLIER : 0) |
        (isRegional ? REGIONAL : 0) |
        (source === undefined ? 0 : SOURCE) |
        (groupName === undefined ? 0 : GROUP),
    );
    one.word(key.a);
    one.word(key.b);
    one.word(key.c);
    if (source !== undefined) one.unsigned(numberIn(this.sources, source));
    if (groupName !== undefined) one.unsigned(numberIn(this.groups, groupName));
    one.signed((expiresAt - this.moment) / 1_000);
  }

  private writeSlots(entry: SourceEntry): void {
    const { one } = this;
    one.signed(entry.start - this.moment);
    one.unsigned(entry.taken);
    one.unsigned(entry.returned);
    if (!entry.hasEarlier) return;
    one.signed(entry.earlierStart - this.moment);
    one.unsigned(entry.earlierTaken);
    one.unsigned(entry.earlierReturned);
  }

  private writeLevel(entry: SourceEntry): void {
    const { one } = this;
    one.unsigned(entry.deficitUnits);
    one.unsigned(entry.unitsPerToken);
    one.unsigned(entry.unitsPerMs);
    one.signed(Math.round(entry.levelAt) - this.moment);
  }

  private writeGauge(entry: SourceEntry): void {
    const { one } = this;
    one.unsigned(entry.taken);
    one.unsigned(entry.returned);
    one.signed(Math.ceil(entry.leaseEndsAt) - this.moment);
  }
}

/** What {@link readEntries} found in a block. */
export interface BlockReading {
  readonly entries: number;
  /** Of a kind that this release does not know. */
  readonly unknown: number;
}

/** Gives each entry, with one object for all of them. Stops where the bytes make no sense. */
export function readEntries(
  reader: ByteReader,
  entry: SourceEntry,
  visit: (head: EntryHead) => void,
): BlockReading {
  let entries = 0;
  let unknown = 0;
  if (reader.isAtEnd) return { entries, unknown };
  if (reader.byte() !== VERSION) return { entries, unknown: 1 };
  const moment = reader.unsigned();
  const groups = readTable(reader, () => reader.text());
  const sources = readTable(reader, () => readSource(reader));
  while (!reader.isAtEnd)
    reader.part(reader.unsigned(), () => {
      const head = readHead(reader, { moment, groups, sources });
      if (head === undefined) unknown += 1;
      else {
        readEntry(reader, head, { entry, moment });
        if (!reader.isSound) return;
        entries += 1;
        visit(head);
      }
    });
  return { entries, unknown };
}

interface Tables {
  readonly moment: number;
  readonly groups: readonly string[];
  readonly sources: readonly EntrySource[];
}

type ReadHead = EntryHead & { readonly hasEarlier: boolean };

function readHead(reader: ByteReader, { moment, groups, sources }: Tables): ReadHead | undefined {
  const flags = reader.byte();
  const kind = flags & KIND;
  if ((flags & LATER_RELEASE) !== 0 || kind > CounterKind.GAUGE) return undefined;
  const key = { a: reader.word(), b: reader.word(), c: reader.word() };
  const source = (flags & SOURCE) === 0 ? undefined : sources[reader.unsigned()];
  const groupName = (flags & GROUP) === 0 ? undefined : groups[reader.unsigned()];
  const isLost = (flags & SOURCE) !== 0 && source === undefined;
  if (isLost || ((flags & GROUP) !== 0 && groupName === undefined)) return undefined;
  const expiresAt = moment + reader.signed() * 1_000;
  const isRegional = (flags & REGIONAL) !== 0;
  const hasEarlier = (flags & EARLIER) !== 0;
  return { kind: kind as CounterKind, key, source, groupName, expiresAt, isRegional, hasEarlier };
}

function readEntry(
  reader: ByteReader,
  { kind, hasEarlier }: ReadHead,
  { entry, moment }: { entry: SourceEntry; moment: number },
): void {
  entry.clear();
  if (kind !== CounterKind.GAUGE) entry.start = moment + reader.signed();
  entry.taken = reader.unsigned();
  entry.returned = reader.unsigned();
  if (kind === CounterKind.GAUGE) entry.leaseEndsAt = moment + reader.signed();
  if (hasEarlier) {
    entry.earlierStart = moment + reader.signed();
    entry.earlierTaken = reader.unsigned();
    entry.earlierReturned = reader.unsigned();
  }
  if (kind !== CounterKind.BUCKET) return;
  entry.deficitUnits = reader.unsigned();
  entry.unitsPerToken = reader.unsigned();
  entry.unitsPerMs = reader.unsigned();
  entry.levelAt = moment + reader.signed();
}

/** A table that says it is longer than the bytes are ends with them. */
function readTable<T>(reader: ByteReader, read: () => T): readonly T[] {
  const count = reader.unsigned();
  const rows: T[] = [];
  while (rows.length < count && !reader.isAtEnd) rows.push(read());
  return rows;
}

function readSource(reader: ByteReader): EntrySource {
  return { replicaId: reader.text(), bootId: reader.text(), region: reader.text() };
}

function numberIn<T>(table: Map<T, number>, value: T): number {
  const known = table.get(value);
  if (known !== undefined) return known;
  table.set(value, table.size);
  return table.size - 1;
}

const NOTHING = new Uint8Array(0);
