/** What goes round by itself and sends. */
export type GossipLoop = 'probes' | 'relays' | 'news' | 'exchanges';

export const GOSSIP_LOOPS: readonly GossipLoop[] = ['probes', 'relays', 'news', 'exchanges'];

/** Everything that can happen to the machine. Bytes have been decoded, names resolved. */
import type { Endpoint } from './endpoint.js';
import type { NodeState, PacketMessage, Ping } from './messages.js';

export type GossipInput =
  /** Once, first. */
  | { readonly kind: 'start' }
  /** The deadline has come; early, late or often does no harm. */
  | { readonly kind: 'tick' }
  /** The process did not run for that long, by its own fault. */
  | { readonly kind: 'lag'; readonly lagMs: number }
  /** The packets of these loops do not leave this host, so they stand still; those of all others do. */
  | { readonly kind: 'congested'; readonly loops: readonly GossipLoop[] }
  | {
      readonly kind: 'packet';
      readonly from: Endpoint;
      readonly messages: readonly PacketMessage[];
    }
  /** The network refused a packet at once. */
  | { readonly kind: 'sendFailed'; readonly to: Endpoint }
  /** Another member opened a push/pull with us. */
  | {
      readonly kind: 'pushPull';
      readonly stream: number;
      readonly join: boolean;
      readonly nodes: readonly NodeState[];
      readonly userState: Uint8Array;
    }
  | { readonly kind: 'streamPing'; readonly stream: number; readonly ping: Ping }
  | { readonly kind: 'streamUser'; readonly payload: Uint8Array }
  /** The answer to `openPushPull`. */
  | {
      readonly kind: 'pushPullReply';
      readonly exchange: number;
      readonly nodes: readonly NodeState[];
      readonly userState: Uint8Array;
    }
  | { readonly kind: 'exchangeFailed'; readonly exchange: number; readonly error: string }
  /** The answer to `openPing`; a stream that failed is `ok: false`. */
  | { readonly kind: 'pingReply'; readonly seq: number; readonly ok: boolean }
  /** Exchange the state with that address and become a member. */
  | { readonly kind: 'join'; readonly exchange: number; readonly to: Endpoint }
  | { readonly kind: 'update'; readonly meta: Uint8Array | undefined; readonly token?: string }
  | { readonly kind: 'leave'; readonly token: string }
  /** A small message for everybody; a newer one of the same name replaces it. */
  | { readonly kind: 'broadcast'; readonly name: string; readonly payload: Uint8Array }
  /** A packet for one member, which may be lost. */
  | { readonly kind: 'sendTo'; readonly node: string; readonly payload: Uint8Array }
  | { readonly kind: 'ping'; readonly token: number; readonly node: string };
