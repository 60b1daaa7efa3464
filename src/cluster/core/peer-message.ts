/**
 * What two replicas say to each other, as values. `proto/weir/peer/v1` has the same on the wire. Entries
 * stay packed: only the store that counts looks inside.
 */

/** Rises when an older release could not make sense of what a newer one says. */
export const PROTOCOL_VERSION = 1;

/** Who counts: one run of one replica. */
export interface Source {
  readonly replicaId: string;
  /** Changes with each start. */
  readonly bootId: string;
  readonly region: string;
}

/**
 * A feed orders counters by their last change: `own`, what this replica counts itself; `region`, from
 * relay to relay, what the replicas of a region count; `foreign`, from a relay to its region, what those of
 * other regions count.
 */
export type Feed = 'own' | 'region' | 'foreign';

export interface KnownSource {
  readonly source: Source;
  /** All that the own feed of the source told up to there has been merged. */
  readonly through: number;
  /** Parts of what it told have been merged up to there: others may lack them. */
  readonly seen: number;
}

export interface Hello {
  readonly cluster: string;
  readonly source: Source;
  readonly protocolVersion: number;
  /** Settings that change what a counter means, by name; of a secret one, a hash. */
  readonly settings: ReadonlyMap<string, string>;
  readonly known: readonly KnownSource[];
}

export type RefusalReason = 'cluster' | 'protocol' | 'settings' | 'identity';

/** Entries of counters whose last change lies in `(from, to]`. */
export interface Delta {
  readonly kind: 'delta';
  readonly feed: Feed;
  readonly from: number;
  readonly to: number;
  /** Nothing is left: who has received all up to here knows the feed up to `to`. */
  readonly isComplete: boolean;
  /** The receiver knew nothing of this feed when it began. */
  readonly isState: boolean;
  /** Empty in a heartbeat. */
  readonly entries: Uint8Array;
  /** On the sender's wall clock. */
  readonly sentAtMs: number;
  /**
   * How far the sender knows those that it tells about in the feeds of a relay: the receiver knows them as
   * far once it has received all, and that there is something to know before.
   */
  readonly known: readonly KnownSource[];
  /** Of the feed of other regions: some that it tells of had been silent for so long. Else 0. */
  readonly silenceMs: number;
}

export interface Ack {
  readonly kind: 'ack';
  readonly feed: Feed;
  /** Received without a gap. */
  readonly position: number;
  /** Of the delta, echoed. */
  readonly sentAtMs: number;
  /** Its arrival on the receiver's wall clock. */
  readonly receivedAtMs: number;
}

/** What a replica asks a peer about a source that it cannot hear itself. */
export interface StateRequest {
  readonly kind: 'stateRequest';
  readonly source: Source;
  /** From the answer before; 0 begins. */
  readonly cursor: number;
}

export interface State {
  readonly kind: 'state';
  readonly source: Source;
  readonly cursor: number;
  readonly nextCursor: number | undefined;
  readonly through: number;
  readonly entries: Uint8Array;
  readonly sentAtMs: number;
}

/** Ends a hold of a concurrency limit, or lets it last longer, in the replica that made it. */
export interface HoldChange {
  readonly kind: 'holdChange';
  readonly token: number;
  readonly bootId: string;
  readonly counterName: string;
  readonly holdId: number;
  /** Absent: release. */
  readonly renewMs?: number | undefined;
}

/** From the replica that opened a stream to the one that accepted it. */
export type ConnectRequest =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | Delta
  | { readonly kind: 'digest'; readonly known: readonly KnownSource[] }
  | StateRequest
  | HoldChange
  | { readonly kind: 'policyHint'; readonly version: number };

/** And back. */
export type ConnectResponse =
  | { readonly kind: 'welcome'; readonly hello: Hello }
  | {
      readonly kind: 'refusal';
      readonly reason: RefusalReason;
      /** Names of the settings that differ. */
      readonly settings: readonly string[];
    }
  | Ack
  | State
  | { readonly kind: 'holdChanged'; readonly token: number; readonly wasHeld: boolean };

export type PeerMessage = ConnectRequest | ConnectResponse;

/** One text for one source, to find it by. */
export const sourceKey = ({ region, replicaId, bootId }: Source): string =>
  `${region}\0${replicaId}\0${bootId}`;
