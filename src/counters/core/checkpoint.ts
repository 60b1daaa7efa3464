/**
 * What a restart of everything must not forget: counters whose windows are longer than a minute, as
 * plain rows. Counters are named by fingerprint, so a checkpoint is of use only to an engine with the
 * same fingerprint key, and the same format of counts; `keyCheck` tells.
 *
 * Restoring is a merge: the later window wins, and in the same window the larger of each number. So rows
 * may come in any order, late and more than once, and a row that is older than what is there changes
 * nothing.
 *
 * An engine that counts together writes what it has counted itself. It is restored as what that run of
 * that replica has counted, so that several replicas may restore the same rows, and tell each other.
 */
import type { EntrySource } from './source-table.js';
import type { Entry } from './tally.js';

export interface Checkpoint {
  /** The same for engines with the same fingerprint key and format of counts. */
  readonly keyCheck: string;
  /** Which run of which replica has counted this; undefined from an engine that counts alone. */
  readonly source?: EntrySource | undefined;
  readonly rows: readonly CheckpointRow[];
}

export interface CheckpointRow {
  readonly kind: 'window' | 'token_bucket';
  /** 24 hexadecimal digits. */
  readonly fingerprint: string;
  readonly groupName: string | undefined;
  /** It counts in one region only, which an engine that counts together knows. */
  readonly isRegional?: boolean | undefined;
  /** Start of the window, or of the epoch of a token bucket. */
  readonly windowStart: number;
  /** When nothing of it matters any more, to the second. */
  readonly expiresAt: number;
  readonly current: Entry;
  /** Of the window or epoch before. */
  readonly previous: Entry;
  /** When that began, from an engine that counts together. */
  readonly previousStart?: number | undefined;
  /** Of a token bucket: its level, as this replica sees it. */
  readonly level: BucketLevel | undefined;
}

export interface BucketLevel {
  readonly deficitUnits: number;
  readonly unitsPerToken: number;
  /** From an engine that counts together. */
  readonly unitsPerMs?: number | undefined;
  /** When the deficit was right. */
  readonly at: number;
}

/** Windows up to this length are not checkpointed: they would be over when they are restored. */
export const SHORT_WINDOW_MS = 60_000;

/**
 * Where the clock was stepped back between two processes, windows wait for it as they do within one, but
 * for so long at most: what was counted later than that is passed over, so that a restart mends a clock
 * that was wrong by days.
 */
export const CLOCK_STEP_MAX_MS = 300_000;
