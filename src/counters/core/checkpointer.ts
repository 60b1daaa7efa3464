import type { Algorithms } from './algorithms.js';
import {
  type Checkpoint,
  type CheckpointRow,
  CLOCK_STEP_MAX_MS,
  SHORT_WINDOW_MS,
} from './checkpoint.js';
import { ABSENT } from './counter-slab.js';
import { type Fingerprinter, fingerprintText, parseFingerprint } from './fingerprint.js';
import { timeOf } from './merge-rows.js';

/** Writes what changed in long windows to checkpoints, and merges checkpoints into what is there. */
export class Checkpointer {
  readonly keyCheck: string;

  constructor(
    private readonly algorithms: Algorithms,
    fingerprints: Fingerprinter,
  ) {
    fingerprints.of('weir');
    this.keyCheck = fingerprintText(fingerprints);
  }

  write(rowsMax: number): Checkpoint {
    const rows: CheckpointRow[] = [];
    for (const algorithm of this.algorithms.all)
      for (const record of algorithm.changed.drain(rowsMax - rows.length)) {
        const row = algorithm.slab.isLive(record) ? algorithm.toRow(record) : undefined;
        if (row !== undefined) rows.push(row);
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
  merge({ keyCheck, rows }: Checkpoint, now: number): readonly CheckpointRow[] {
    if (keyCheck !== this.keyCheck) return [];
    return rows.filter((row) => isOfUse(row, now) && this.mergeRow(row));
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

/** Rows have been outside: a number that is none would spoil a counter for as long as it lives. */
function isSound({ windowStart, current, previous, level }: CheckpointRow): boolean {
  const counts = [current.taken, current.returned, previous.taken, previous.returned];
  const units = level === undefined ? [] : [level.deficitUnits, level.unitsPerToken];
  return (
    Number.isSafeInteger(windowStart) &&
    [...counts, ...units].every((count) => Number.isSafeInteger(count) && count >= 0) &&
    (level === undefined || (level.unitsPerToken > 0 && Number.isSafeInteger(level.at)))
  );
}
