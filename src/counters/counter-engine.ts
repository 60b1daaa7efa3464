import type { WallMs } from '../common/time.js';
import type { BusyCounter } from './core/busiest-counters.js';
import type { Checkpoint } from './core/checkpoint.js';
import type {
  Correction,
  Demand,
  HandedHold,
  Reading,
  Receipt,
  ReceiptEntry,
  TakeOutcome,
} from './core/counter.js';

/** What bounds an engine. */
export interface CounterLimits {
  /** Counters that may be live at once; overflow counters, at most one per limit, come on top. */
  readonly liveMax: number;
  /** Holds of concurrency counters that may last at once: 2^21 and no more, which is the default. */
  readonly holdsMax?: number | undefined;
}

/** For metrics: what is there now, and what has happened since the start. */
export interface CounterStats {
  readonly live: number;
  readonly liveMax: number;
  /** Demands counted in the overflow counter of their group, by its name. */
  readonly overflowed: ReadonlyMap<string, number>;
  /** Calls and shadow demands that found every counter in use. */
  readonly refusedFull: number;
  /** Corrections of a window that was no longer kept, or of a hold that had ended. */
  readonly droppedCorrections: number;
  /** How far the clock of the last call was behind the latest that was seen: windows wait meanwhile. */
  readonly clockBehindMs: number;
  /** Holds of concurrency counters that last. */
  readonly holds: number;
  /** Memory of counters and holds. It stays at its highest mark. */
  readonly bytes: number;
}

/**
 * Counts what has passed. One engine counts alone, another with its peers; callers cannot tell them
 * apart. All methods are synchronous: a limit is decided from memory.
 */
export abstract class CounterEngine {
  /**
   * All or nothing: every demand is counted, or none is. Readings are in the order of the demands.
   *
   * @throws DomainError `RESOURCE_EXHAUSTED` if an enforced demand needs a new counter, has no group
   * whose overflow counter could serve, and all counters are in use; or a hold, and all holds are.
   * Nothing was counted then.
   */
  abstract take(demands: readonly Demand[], now: WallMs): TakeOutcome;

  /**
   * As {@link take}, for a call that something else has still to decide: it counts here at once, and peers
   * are told when it is committed. To be followed by {@link commit} or {@link giveBack}.
   */
  abstract takeProvisionally(demands: readonly Demand[], now: WallMs): TakeOutcome;

  /** What was taken provisionally stays. */
  abstract commit(receipt: Receipt, now: WallMs): void;

  /** Counts without asking, past the maximum if need be: the call has happened. */
  abstract add(demands: readonly Demand[], now: WallMs): readonly Reading[];

  /** Takes back what a take counted, in the windows where it was counted, if they are still kept. */
  abstract giveBack(receipt: Receipt, now: WallMs): void;

  /**
   * Replaces what takes counted by what was used, where and when it was counted. What was used may be
   * above the maximum; what is given back never lifts what is left above it. Of a hold, 0 was used: it is
   * released. A window that is gone is passed over. Each entry may be corrected once.
   */
  abstract correct(corrections: readonly Correction[], now: WallMs): void;

  /**
   * Lets holds last until `now + holdMs`, and none end earlier than it would; entries of other counters are passed over. False if one of them
   * had ended or was released: the others last longer all the same.
   */
  abstract renew(entries: readonly ReceiptEntry[], holdMs: number, now: WallMs): boolean;

  /** When the hold of this entry ends by its time. Undefined: it has ended, or was released. */
  abstract endOf(entry: ReceiptEntry, now: WallMs): WallMs | undefined;

  /**
   * Counts a hold that another engine had given out, without asking: it is taken. Undefined, and nothing is
   * counted: its time is over, it makes no sense, or there is no room for it in a counter of its own.
   */
  abstract takeOver(hold: HandedHold, now: WallMs): ReceiptEntry | undefined;

  /** What {@link take} would find, with nothing counted: for dry runs and for reports. */
  abstract read(demands: readonly Demand[], now: WallMs): readonly Reading[];

  /**
   * Whether the rest of an enforced demand's maximum may be gone by now: peers may have counted as much as this replica
   * since it last told them, and that would be all. So it is until they are told, which takes some milliseconds.
   */
  abstract isContended(demands: readonly Demand[]): boolean;

  /** Drops ended windows among the next `count` counters: for a driver, when no calls come. */
  abstract sweep(count: number, now: WallMs): void;

  abstract stats(): CounterStats;

  /**
   * What was counted since the last checkpoint in windows longer than a minute, as plain rows, each of
   * which replaces an earlier one of the same fingerprint; at most `rowsMax`, the rest comes next time.
   */
  abstract checkpoint(rowsMax: number): Checkpoint;

  /**
   * Takes up what an earlier process counted; before the first call. Rows that are over, or for which
   * there is no room, are passed over, and all of them if the checkpoint is of another fingerprint key.
   * The clock goes on from the latest of them: one that was stepped back meanwhile waits, if by minutes.
   */
  abstract restore(checkpoint: Checkpoint, now: WallMs): { readonly restored: number };

  /** Lets the next checkpoints name every counter worth it, changed or not: the earlier ones are lost. */
  abstract checkpointAnew(now: WallMs): void;

  /** The counters that were asked most in the last one to two minutes, busiest first; from a sample. */
  abstract busiest(count: number): readonly BusyCounter[];
}
