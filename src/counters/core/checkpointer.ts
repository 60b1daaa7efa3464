import type { Algorithms } from './algorithms.js';
import type { Checkpoint, CheckpointRow } from './checkpoint.js';
import { ABSENT } from './counter-slab.js';
import { type Fingerprinter, fingerprintText, parseFingerprint } from './fingerprint.js';

/** Writes what changed in long windows to checkpoints, and merges checkpoints into what is there. */
export class Checkpointer {
  private readonly keyCheck: string;

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

  /** How many rows were merged. */
  merge({ keyCheck, rows }: Checkpoint, now: number): number {
    if (keyCheck !== this.keyCheck) return 0;
    return rows.filter((row) => row.expiresAt > now && isSound(row) && this.mergeRow(row)).length;
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
