import { COUNTS_FORMAT } from '../../common/counts-format.js';
import type { Algorithms } from './algorithms.js';
import {
  type Checkpoint,
  type CheckpointRow,
  CLOCK_STEP_MAX_MS,
  SHORT_WINDOW_MS,
} from './checkpoint.js';
import { CounterKind } from './counter-id.js';
import { ABSENT } from './counter-slab.js';
import type { EntryHead } from './entry-block.js';
import { type Fingerprinter, fingerprintText, parseFingerprint } from './fingerprint.js';
import { timeOf } from './merge-rows.js';
import type { Replica } from './replica.js';
import { SourceEntry } from './source-entry.js';

/** Writes what changed in long windows to checkpoints, and merges checkpoints into what is there. */
export class Checkpointer {
  readonly keyCheck: string;

  constructor(
    private readonly algorithms: Algorithms,
    fingerprints: Fingerprinter,
    private readonly replica?: Replica,
    format = COUNTS_FORMAT,
  ) {
    // The first format has no number in it.
    fingerprints.of(format === 1 ? 'weir' : `weir ${format}`);
    this.keyCheck = fingerprintText(fingerprints);
  }

  write(rowsMax: number): Checkpoint {
    const rows: CheckpointRow[] = [];
    for (const [kind, algorithm] of this.algorithms.all.entries())
      for (const record of algorithm.changed.drain(rowsMax - rows.length)) {
        const row = algorithm.slab.isLive(record) ? algorithm.toRow(record) : undefined;
        const isRegional = this.replica?.sides[kind]?.isRegional(record) === true;
        if (row !== undefined) rows.push(isRegional ? { ...row, isRegional } : row);
      }
    return { keyCheck: this.keyCheck, rows };
  }

  /** Lets the next checkpoints name every counter that will matter for more than a minute. */
  markAll(now: number): void {
    for (const { slab, changed } of this.algorithms.all)
      for (let record = 0; record < slab.records.highest; record++)
        if (slab.isLive(record) && slab.identityOf(record).expiresAt > now + SHORT_WINDOW_MS)
          changed.mark(record);
  }

  /** The rows that were merged. */
  merge(checkpoint: Checkpoint, now: number): readonly CheckpointRow[] {
    return this.ofUse(checkpoint, now).filter((row) => this.mergeRow(row));
  }

  /** The rows that are sound, of this key, and not over. */
  ofUse({ keyCheck, rows }: Checkpoint, now: number): readonly CheckpointRow[] {
    return keyCheck === this.keyCheck ? rows.filter((row) => isOfUse(row, now)) : [];
  }

  /** Gives each row as an entry; how many of them were taken. */
  each(
    rows: readonly CheckpointRow[],
    take: (head: EntryHead, entry: SourceEntry) => boolean,
  ): number {
    return rows.filter((row) => {
      const key = parseFingerprint(row.fingerprint);
      if (key === undefined) return false;
      const kind = row.kind === 'window' ? CounterKind.WINDOW : CounterKind.BUCKET;
      const { groupName, expiresAt, isRegional = false } = row;
      const head = { kind, key, groupName, expiresAt, isRegional, source: undefined };
      return take(head, entryOf(row));
    }).length;
  }

  private mergeRow(row: CheckpointRow): boolean {
    const key = parseFingerprint(row.fingerprint);
    if (key === undefined) return false;
    const algorithm = this.algorithms[row.kind === 'window' ? 'windows' : 'buckets'];
    let record = algorithm.slab.find(key);
    if (record === ABSENT) {
      if (this.algorithms.population.isFull) return false;
      record = algorithm.slab.insert(key, row.groupName);
    }
    algorithm.mergeRow(record, row);
    return true;
  }
}

const isOfUse = (row: CheckpointRow, now: number): boolean =>
  isSound(row) && row.expiresAt > now && timeOf(row) <= now + CLOCK_STEP_MAX_MS;

function entryOf({ windowStart, previousStart, current, previous, level }: CheckpointRow) {
  const entry = new SourceEntry();
  entry.start = windowStart;
  entry.taken = current.taken;
  entry.returned = current.returned;
  if (previousStart !== undefined && previousStart < windowStart) {
    entry.earlierStart = previousStart;
    entry.earlierTaken = previous.taken;
    entry.earlierReturned = previous.returned;
  }
  entry.deficitUnits = level?.deficitUnits ?? 0;
  entry.unitsPerToken = level?.unitsPerToken ?? 1;
  entry.unitsPerMs = level?.unitsPerMs ?? 0;
  entry.levelAt = level?.at ?? 0;
  return entry;
}

/** Rows have been outside: a number that is none would spoil a counter for as long as it lives. */
function isSound({ windowStart, current, previous, level }: CheckpointRow): boolean {
  const counts = [current.taken, current.returned, previous.taken, previous.returned];
  const units =
    level === undefined ? [] : [level.deficitUnits, level.unitsPerToken, level.unitsPerMs ?? 0];
  return (
    Number.isSafeInteger(windowStart) &&
    [...counts, ...units].every((count) => Number.isSafeInteger(count) && count >= 0) &&
    (level === undefined || (level.unitsPerToken > 0 && Number.isSafeInteger(level.at)))
  );
}
