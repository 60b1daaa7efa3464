import type { Source } from './peer-message.js';

export interface ReplicationOptions {
  readonly cluster: string;
  /** This replica: its name in gossip, the id of this run, its region. */
  readonly self: Source;
  /** Settings that change what a counter means, by name; of a secret one, a hash. */
  readonly settings: ReadonlyMap<string, string>;
  /** What was counted waits for so long at most before it is told. */
  readonly syncIntervalMs: number;
  /** The same between regions. */
  readonly regionSyncIntervalMs: number;
  /** What is nearly used up is told at once, but not more often than that. */
  readonly urgentIntervalMs: number;
  /** A peer that has nothing to tell says so that often. */
  readonly heartbeatMs: number;
  /** How often peers compare what they know of each source. */
  readonly digestIntervalMs: number;
  /** What was not acknowledged for so long is sent again; doubles with each time, up to ten times. */
  readonly retransmitMs: number;
  /** After a stream has failed, the next is tried after this, doubled each time up to the maximum. */
  readonly redialMs: number;
  readonly redialMaxMs: number;
  /** Peers that refuse each other try again after so long: a setting may have been mended. */
  readonly refusedRetryMs: number;
  /** How long a replica waits, at most, for what its peers have counted before it is ready. */
  readonly joinWaitMs: number;
  readonly clockSkewWarnMs: number;
  /** Packed entries of one message. */
  readonly messageBytesMax: number;
  /** Messages that may be under way to a peer unacknowledged; then it has to catch up first. */
  readonly windowMessages: number;
  /** Runs of replicas that are remembered, the dead ones included. */
  readonly sourcesMax: number;
  /** Streams that peers may have open to us. */
  readonly acceptedMax: number;
}

/** Messages of a source that are further apart say that it was silent: each may come an interval late. */
export const silenceMsOf = (options: SyncIntervals): number =>
  Math.max(1_000, 2 * options.syncIntervalMs, 2 * options.regionSyncIntervalMs);

type SyncIntervals = Pick<ReplicationOptions, 'syncIntervalMs' | 'regionSyncIntervalMs'>;

export const REPLICATION_DEFAULTS = {
  syncIntervalMs: 50,
  regionSyncIntervalMs: 500,
  urgentIntervalMs: 5,
  heartbeatMs: 250,
  digestIntervalMs: 2_000,
  retransmitMs: 500,
  redialMs: 100,
  redialMaxMs: 5_000,
  refusedRetryMs: 30_000,
  joinWaitMs: 5_000,
  clockSkewWarnMs: 250,
  messageBytesMax: 64 * 1_024,
  windowMessages: 16,
  sourcesMax: 256,
  acceptedMax: 256,
} as const satisfies Omit<ReplicationOptions, 'cluster' | 'self' | 'settings'>;
