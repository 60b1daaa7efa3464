import type { GossipTimings } from './core/gossip-options.js';
import type { GossipPreset } from './core/gossip-presets.js';

/** What an operator decides about the gossip; `gossip-options-of.ts` turns it into numbers. */
export interface GossipSettings {
  /** Unique in the cluster. */
  readonly name: string;
  /** The address to listen on; `0.0.0.0` and `::` mean all. */
  readonly bindHost: string;
  /** UDP and TCP; 0 takes a free one. */
  readonly port: number;
  /** What others are told, if it is not what we listen on: an address, not a name. */
  readonly advertiseHost?: string;
  readonly advertisePort?: number;
  readonly preset: GossipPreset;
  /** Bifrost's `config.timeoutSeconds` t: a probe each t/10, with a time-out of t/20. */
  readonly timeoutSeconds?: number;
  /** Bifrost's `config.failureThreshold`: the suspicion multiplier. */
  readonly failureThreshold?: number;
  /** Bifrost's `config.successThreshold`: good probes before a returned member is routed to. */
  readonly successThreshold?: number;
  /** Explicit numbers; they win over everything above. */
  readonly timings?: Partial<GossipTimings>;
  /** What others shall know of us, at most 512 bytes. */
  readonly meta?: Uint8Array;
  /** Versions; only for clusters that speak another application's. */
  readonly vsn?: Uint8Array;
  readonly firstIncarnation?: number;
  readonly compression?: boolean;
  readonly label?: string;
  /** Understood beside our own, while a cluster moves from one label to another. */
  readonly acceptedLabels?: readonly string[];
  readonly skipInboundLabelCheck?: boolean;
  /** 16, 24 or 32 bytes each; the first one encrypts. None: everything in clear. */
  readonly keys?: readonly Uint8Array[];
  readonly verifyIncoming?: boolean;
  readonly verifyOutgoing?: boolean;
  readonly allowedAddressSpace?: readonly string[];
  readonly ackPayload?: Uint8Array;
}
