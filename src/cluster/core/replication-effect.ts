/**
 * What the machine wants done, in the order to do it. The rim performs it:
 *
 *   open          dial the member's peer port; then `opened`, or `closed` if it fails
 *   send          write to the stream; never wait. Order on a stream is kept, loss does no harm
 *   close         end the stream; `closed` is not reported for it
 *   link          for health, metrics and ListMembers: what became of the link to a peer
 *   unlinked      no stream to that peer is needed any more
 *   joined        readiness: the live windows of the peers are here, or `joinWaitMs` has passed
 *   flushed       the answer to `flush`
 *   holdChanged   the answer to `changeHold`
 *   policyHint    a peer has seen that version of the policies
 *   notice        for the log, once for each peer and kind; for metrics, each time
 */
import type { PeerMessage } from './peer-message.js';
import type { StreamId } from './replication-input.js';

/**
 * Of the stream that this replica keeps to a peer. `refused`: their settings differ from ours, no counts
 * are exchanged. `stalled`: it is open, and nothing is acknowledged.
 */
export type LinkState = 'connecting' | 'open' | 'stalled' | 'closed' | 'refused';

export type NoticeKind =
  /** A message that makes no sense: it was dropped. */
  | 'bad-message'
  /** Another stream of the same peer took its place. */
  | 'stream-replaced'
  /** Entries of a peer found no room. */
  | 'counters-full'
  /** Settings or cluster name differ; `detail` names them. */
  | 'refused'
  /** The peer's clock differs by more than `clockSkewWarnMs`. */
  | 'clock-skew'
  /** More streams or sources than there may be. */
  | 'too-many';

export type ReplicationEffect =
  | { readonly kind: 'open'; readonly stream: StreamId; readonly peerId: string }
  | { readonly kind: 'send'; readonly stream: StreamId; readonly message: PeerMessage }
  | { readonly kind: 'close'; readonly stream: StreamId }
  | {
      readonly kind: 'link';
      readonly peerId: string;
      readonly state: LinkState;
      /** Why it is closed or refused, for people. */
      readonly detail: string;
    }
  | { readonly kind: 'unlinked'; readonly peerId: string }
  | {
      readonly kind: 'joined';
      /** False: `joinWaitMs` has passed, of the start or of the first peer, before all that peers know was here. */
      readonly isComplete: boolean;
    }
  | {
      readonly kind: 'flushed';
      /** Peers that did not acknowledge in time. */
      readonly missing: readonly string[];
    }
  | { readonly kind: 'holdChanged'; readonly token: number; readonly wasHeld: boolean }
  | { readonly kind: 'policyHint'; readonly version: number }
  | {
      readonly kind: 'notice';
      readonly notice: NoticeKind;
      readonly peerId: string;
      readonly detail: string;
    };
