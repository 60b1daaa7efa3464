import type { WallMs } from '../common/time.js';
import type { MemberState } from '../gossip/core/member.js';

/** What a replica listens on; 0: it does not. */
export interface ReplicaPorts {
  readonly grpc: number;
  readonly http: number;
  readonly peer: number;
}

/** What a replica of Weir tells of itself. */
export interface ReplicaFacts {
  readonly region: string;
  /** New at each start. */
  readonly bootId: string;
  readonly version: string;
  /** Of the settings that decide what a count means. */
  readonly settingsHash: string;
  readonly ports: ReplicaPorts;
}

/** A member of the cluster at one moment. */
export interface Replica {
  readonly name: string;
  /** Where its gossip listens. */
  readonly host: string;
  readonly gossipPort: number;
  readonly state: MemberState;
  readonly stateSince: WallMs;
  readonly incarnation: number;
  /** Of the last probe, in milliseconds. */
  readonly rttMs: number | undefined;
  /** Alive, and proven again if it had been dead. */
  readonly routable: boolean;
  readonly isSelf: boolean;
  /** Undefined: a node of another program. */
  readonly facts: ReplicaFacts | undefined;
}

export const isUp = ({ state }: Pick<Replica, 'state'>): boolean =>
  state === 'alive' || state === 'suspect';
