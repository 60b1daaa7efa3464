/**
 * What the replication machine needs of a store of counts, and all that it knows about it. The
 * replicated engine of `src/counters` is one. Everything is synchronous and in memory.
 *
 * A feed is the order in which counters changed last. Positions only rise; a counter that changes moves
 * to the end. So what a peer lacks is what lies after the position that it acknowledged, with the values
 * of now: nothing is queued for a peer, however slow it is.
 */
import type { WallMs } from '../../common/time.js';
import type { Feed, Source } from './peer-message.js';

export interface Batch {
  /** Packed entries, at most as many bytes as asked for unless one entry alone is larger. */
  readonly entries: Uint8Array;
  /** Position of the last of them. */
  readonly to: number;
  /** Nothing lies after `to`. */
  readonly isComplete: boolean;
}

export interface Page {
  readonly entries: Uint8Array;
  readonly nextCursor: number | undefined;
}

/** How entries are to be taken. */
export interface Arrival {
  /** Whose they are, where an entry does not name its source. */
  readonly source: Source;
  /**
   * The first that is heard of this source: what it counted is history, and a token bucket takes its
   * level, not its growth.
   */
  readonly isState: boolean;
  /** How long nothing was heard of the source, on its own clock. */
  readonly gapMs: number;
}

export interface MergeOutcome {
  readonly entries: number;
  /** Entries that found no room, or of a kind that this release does not know. */
  readonly refused: number;
  /** False: the bytes make no sense from some entry on. Those before it were merged. */
  readonly isSound: boolean;
}

export abstract class CountStore {
  /** Whom to call when something has become urgent. */
  abstract onUrgent(listener: () => void): void;

  /** How many other replicas count along: decides what is urgent. */
  abstract setPeers(count: number): void;

  /** Whether this replica tells its region to others, and others to its region. */
  abstract setRelay(isRelay: boolean): void;

  /** The position of the last change of a feed; 0 before the first. */
  abstract head(feed: Feed): number;

  /** What changed after a position, the earliest change first. */
  abstract collect(feed: Feed, after: number, bytesMax: number): Batch;

  /**
   * What was counted in counters that are nearly used up, since it was last told; empty if there is
   * nothing. It stays in its feed.
   */
  abstract takeUrgent(bytesMax: number): Uint8Array;

  /** @throws never for what a peer sent. */
  abstract merge(entries: Uint8Array, arrival: Arrival, now: WallMs): MergeOutcome;

  /** What is known of one source, page by page; `cursor` is 0 or from the page before. */
  abstract page(source: Source, cursor: number, bytesMax: number): Page;

  /** Changes a hold that this replica made; false if it had ended. `renewMs` undefined: releases it. */
  abstract changeHold(
    hold: { readonly counterName: string; readonly holdId: number; readonly renewMs?: number },
    now: WallMs,
  ): boolean;
}
