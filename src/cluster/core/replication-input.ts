/** Everything that can happen to the machine. Messages have been decoded. */
import type { MonoMs, WallMs } from '../../common/time.js';
import type { PeerMessage } from './peer-message.js';

/** One moment on both clocks: wall time decides windows, monotonic time decides deadlines. */
export interface Instant {
  readonly wall: WallMs;
  readonly mono: MonoMs;
}

/** Names one stream to a peer, or from one, for as long as it lasts. */
export type StreamId = number;

/** A member of the cluster as gossip sees it, and not this replica. */
export interface PeerMember {
  /** The name of the member in gossip. */
  readonly id: string;
  readonly region: string;
}

export type ReplicationInput =
  /** Once, first. */
  | { readonly kind: 'start' }
  /** The deadline has come; early, late or often does no harm. */
  | { readonly kind: 'tick' }
  /** Gossip says that it is there, or that its region has changed. */
  | { readonly kind: 'memberAlive'; readonly member: PeerMember }
  /** Gossip says that it is dead or has left. */
  | { readonly kind: 'memberGone'; readonly id: string }
  /** What `open` asked for. */
  | { readonly kind: 'opened'; readonly stream: StreamId }
  /** A peer has opened a stream to us. The rim numbers these -1, -2, ...; those that `open` names are above 0. */
  | { readonly kind: 'accepted'; readonly stream: StreamId }
  /** A stream is over, or could not be opened. Not for one that the machine closed itself. */
  | { readonly kind: 'closed'; readonly stream: StreamId; readonly error: string }
  | { readonly kind: 'message'; readonly stream: StreamId; readonly message: PeerMessage }
  /** The store says that something should not wait for the next interval. */
  | { readonly kind: 'urgent' }
  /** A hold that another replica made is to be ended here; `holdChanged` answers. */
  | {
      readonly kind: 'changeHold';
      readonly token: number;
      /** Replica and run that made it. */
      readonly replicaId: string;
      readonly bootId: string;
      readonly counterName: string;
      readonly holdId: number;
      readonly renewMs?: number | undefined;
    }
  /** Tell the peers which version of the policies this replica has seen. */
  | { readonly kind: 'policyVersion'; readonly version: number }
  /** Tell everything that was counted; `flushed` answers. Counting may go on, and is told as well. */
  | { readonly kind: 'flush'; readonly timeoutMs: number };
