/**
 * What the bytes of a segment hold. Whatever happened to them, each byte ends up in exactly one place: the
 * header, an intact record, or a damage that says what it is, so that nothing is dropped in silence.
 *
 * A torn end is what a crash leaves of a record that nobody was told is durable. What is damaged may have
 * been durable, so in doubt it is damaged.
 */
import type { JournalEntry } from './journal-entry.js';
import {
  HEADER_BYTES,
  isZero,
  MARK_BYTES,
  nextMark,
  readHeader,
  readRecord,
  type RecordReading,
} from './journal-record.js';

export interface ScannedRecord {
  readonly entry: JournalEntry;
  /** Half-open range of its bytes in the segment. */
  readonly from: number;
  readonly end: number;
}

export interface Damage {
  readonly kind: 'torn' | 'damaged' | 'foreign';
  readonly from: number;
  readonly end: number;
}

export type SegmentScan =
  /** Not a segment of a journal, or nothing of it is left. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'newer'; readonly version: number }
  | {
      readonly kind: 'segment';
      readonly records: readonly ScannedRecord[];
      readonly damages: readonly Damage[];
    };

export function scanSegment(bytes: Uint8Array): SegmentScan {
  const header = readHeader(bytes);
  if (header.kind === 'newer') return header;
  if (header.kind === 'short') {
    const torn: Damage = { kind: 'torn', from: 0, end: bytes.length };
    return { kind: 'segment', records: [], damages: bytes.length === 0 ? [] : [torn] };
  }
  const { records, damages } = scanRecords(bytes, HEADER_BYTES);
  if (header.kind === 'intact') return { kind: 'segment', records, damages };
  if (records.length === 0) return { kind: 'foreign' };
  const lostHeader: Damage = { kind: 'damaged', from: 0, end: HEADER_BYTES };
  return { kind: 'segment', records, damages: [lostHeader, ...damages] };
}

/** The records from a place in the segment where one begins. */
export function scanRecords(
  bytes: Uint8Array,
  start: number,
): { readonly records: readonly ScannedRecord[]; readonly damages: readonly Damage[] } {
  const records: ScannedRecord[] = [];
  const damages: Damage[] = [];
  for (let from = start; from < bytes.length;) {
    const reading = readRecord(bytes, from);
    if (reading.kind === 'intact') {
      records.push({ entry: reading.entry, from, end: reading.end });
      from = reading.end;
    } else {
      const damage = damageAt(bytes, from, reading);
      damages.push(damage);
      from = damage.end;
    }
  }
  return { records, damages };
}

function damageAt(
  bytes: Uint8Array,
  from: number,
  reading: Exclude<RecordReading, { kind: 'intact' }>,
): Damage {
  if (reading.kind === 'damaged' || reading.kind === 'foreign')
    return { kind: reading.kind, from, end: reading.end };
  const end = nextMark(bytes, from + 1);
  // What looks like the first bytes of another mark, where the bytes end, may as well be a checksum's.
  const isTorn =
    reading.kind === 'short' ? end > bytes.length - MARK_BYTES : isZero(bytes.subarray(from));
  return isTorn ? { kind: 'torn', from, end: bytes.length } : { kind: 'damaged', from, end };
}
