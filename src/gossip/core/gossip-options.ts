/**
 * Every number of the protocol, with what it does. The presets are memberlist's, so that a mixed
 * cluster behaves alike; `docs/gossip.md` has them as a table.
 */
import type { AllowedNetworks } from '../../common/allowed-networks.js';
import type { Endpoint } from './endpoint.js';

export interface GossipTimings {
  /** A member is probed each interval. Longer: fewer packets, slower detection. */
  readonly probeIntervalMs: number;
  /** After this long without an ack, others are asked and TCP is tried. About a slow round trip. */
  readonly probeTimeoutMs: number;
  /** How many others are asked to probe for us. */
  readonly indirectChecks: number;
  /** Whether a member that is deaf on UDP is kept if it answers over TCP. */
  readonly streamPings: boolean;
  /** News goes out each interval. Shorter: faster spread, more packets. */
  readonly gossipIntervalMs: number;
  /** To how many members each time. */
  readonly gossipNodes: number;
  /** The dead are told of their death for this long, so that a live one can object; then reaped. */
  readonly gossipToTheDeadMs: number;
  /** News is sent `retransmitMult * ceil(log10(n + 1))` times by each member. */
  readonly retransmitMult: number;
  /** A suspect has at least `suspicionMult * max(1, log10 n) * probeIntervalMs` to object. */
  readonly suspicionMult: number;
  /** And at most that many times as long, while nobody confirms the suspicion. */
  readonly suspicionMaxTimeoutMult: number;
  /** A node that doubts itself slows its probes by up to this factor. 1 switches the doubt off. */
  readonly awarenessMaxMultiplier: number;
  /** A probe of a suspect carries the suspicion, so that it can object at once. */
  readonly buddySystem: boolean;
  /** The whole state is exchanged with one member each interval, scaled with the cluster. 0: never. */
  readonly pushPullIntervalMs: number;
  /** Deadline of each step of a stream: dial, write, read. */
  readonly streamTimeoutMs: number;
  /** A dead name may come back from another address after this long. 0: not until it is reaped. */
  readonly deadNodeReclaimMs: number;
  /** One failed member is called again each interval, so that a healed partition closes. 0: never. */
  readonly reconnectIntervalMs: number;
  /** How long a failed member is remembered for that. */
  readonly reconnectTimeoutMs: number;
  /** Bytes of a packet before compression. */
  readonly packetBytesMax: number;
  /** Good probes before a member that came back from the dead is routed to again. */
  readonly successThreshold: number;
}

export interface GossipOptions extends GossipTimings {
  readonly name: string;
  /** The address others are told. */
  readonly advertise: Endpoint;
  /** The port of members that do not say theirs. */
  readonly bindPort: number;
  readonly meta: Uint8Array | undefined;
  /** See `Member.vsn`. */
  readonly vsn: Uint8Array;
  /** At least 1. Higher than in the last life spares a restarted node a refutation. */
  readonly firstIncarnation: number;
  readonly allowed: AllowedNetworks;
  /** Bytes that label and encryption add to a packet now. */
  readonly overheadBytes: () => number;
  /** Sent with each ack; for measuring. */
  readonly ackPayload?: Uint8Array;
}

/** Spoken by everything since 2015: 1 to 5 understood, 2 spoken; no version of the application. */
export const DEFAULT_VSN: Uint8Array = Uint8Array.of(1, 5, 2, 0, 0, 0);

/** Bytes of metadata; the sender's limit, receivers take more. */
export const META_BYTES_MAX = 512;

/** Bytes of a name. The protocol has no limit; longer ones do not fit into packets with others. */
export const NAME_BYTES_MAX = 255;

/** Members known at a time, so that a forger cannot fill the memory. */
export const MEMBERS_MAX = 16_384;

/** Bytes of an address or of versions that we keep; 16 and 6 are what sane peers send. */
export const OPAQUE_BYTES_MAX = 64;

/** Messages about members waiting to be sent. More than this many members change at once in no cluster. */
export const BROADCASTS_MAX = 4_096;

/** Small messages of the application waiting to be sent. */
export const USER_BROADCASTS_MAX = 1_024;
