import type { PeerSource, SelfAnnouncement } from './peer-source.js';

export interface ReplicaSide {
  /** What to announce; without it the sources only look. */
  readonly self: SelfAnnouncement | undefined;
  /** The keys of the gossip at this moment, the first of which seals. */
  readonly keys: () => readonly Uint8Array[];
}

/** The sources that a replica has, as configured. */
export abstract class PeerSources {
  /** New ones, not started. */
  abstract make(side: ReplicaSide): readonly PeerSource[];
}
