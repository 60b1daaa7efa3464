/**
 * What the machine wants done, in the order to do it. The driver performs it and reports what became
 * of it as a `GossipInput`.
 */
import type { MonoMs } from '../../common/time.js';
import type { Endpoint } from './endpoint.js';
import type { MemberEvent } from './member-event.js';
import type { Ack, NodeState, Ping } from './messages.js';

/** Why something a peer sent had no effect. A closed list: each is a counter. */
export type DropReason =
  | 'ping-for-another'
  | 'unknown-ack'
  | 'leaving'
  | 'bad-vsn'
  | 'bad-name'
  | 'bad-size'
  | 'table-full'
  | 'address-not-allowed'
  | 'unknown-member'
  | 'stale'
  | 'relays-full'
  | 'incarnation-exhausted'
  | 'incompatible-version';

/** What an operator should read once for each member, and count after that. */
export type NoticeKind =
  /** A name is claimed from two addresses. */
  | 'conflict'
  /** Answers over TCP but not over UDP: a firewall or an overlay eats its packets. */
  | 'udp-blocked'
  /** Sends from another address than it advertises. */
  | 'source-differs'
  | 'refuted';

export type GossipEffect =
  | {
      readonly kind: 'send';
      readonly to: Endpoint;
      /** One message, or the parts of a compound, none empty. */
      readonly parts: readonly Uint8Array[];
      readonly checksum: boolean;
    }
  | {
      readonly kind: 'openPushPull';
      readonly exchange: number;
      readonly to: Endpoint;
      readonly join: boolean;
      readonly nodes: readonly NodeState[];
    }
  | {
      readonly kind: 'openPing';
      readonly to: Endpoint;
      readonly ping: Ping;
      readonly deadline: MonoMs;
    }
  | {
      readonly kind: 'answerPushPull';
      readonly stream: number;
      readonly join: boolean;
      readonly nodes: readonly NodeState[];
    }
  | { readonly kind: 'answerPing'; readonly stream: number; readonly ack: Ack }
  | { readonly kind: 'closeStream'; readonly stream: number }
  | { readonly kind: 'exchangeDone'; readonly exchange: number; readonly error?: string }
  | { readonly kind: 'event'; readonly event: MemberEvent }
  | { readonly kind: 'user'; readonly payload: Uint8Array; readonly reliable: boolean }
  | { readonly kind: 'mergeUserState'; readonly bytes: Uint8Array; readonly join: boolean }
  | { readonly kind: 'broadcastDone'; readonly token: string }
  | {
      readonly kind: 'pingDone';
      readonly token: number;
      /** Absent: no answer in time. */
      readonly rttMs?: number;
      readonly payload?: Uint8Array;
    }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | { readonly kind: 'notice'; readonly notice: NoticeKind; readonly node: string };
