/**
 * What members say to one another, as values. Names as the protocol has them; byte fields are
 * exactly the bytes that came (`addr`, `vsn`, `meta` are passed on verbatim).
 */
import type { Endpoint } from './endpoint.js';

/** Where an answer should go: what the sender advertises, not what the socket saw. */
export interface Source extends Endpoint {
  readonly name: string;
}

export interface Ping {
  readonly kind: 'ping';
  readonly seq: number;
  /** The intended receiver's name; empty means whoever gets it. */
  readonly node: string;
  readonly source?: Source;
}

export interface IndirectPing {
  readonly kind: 'indirectPing';
  readonly seq: number;
  readonly target: Endpoint;
  readonly node: string;
  /** The requester wants to be told if the target stays silent. */
  readonly nack: boolean;
  readonly source?: Source;
}

export interface Ack {
  readonly kind: 'ack';
  readonly seq: number;
  /** Bytes of the application; absent in answers over TCP and through relays. */
  readonly payload?: Uint8Array;
}

export interface Nack {
  readonly kind: 'nack';
  readonly seq: number;
}

export interface Suspect {
  readonly kind: 'suspect';
  readonly node: string;
  readonly incarnation: number;
  /** The accuser: counts as a confirmation, and means nothing else. */
  readonly from: string;
}

export interface Dead {
  readonly kind: 'dead';
  readonly node: string;
  readonly incarnation: number;
  /** The accuser; the node itself when it left of its own will. */
  readonly from: string;
}

export interface Alive {
  readonly kind: 'alive';
  readonly node: string;
  readonly incarnation: number;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta?: Uint8Array;
  /** Protocol least, greatest, spoken; the application's least, greatest, spoken. */
  readonly vsn?: Uint8Array;
}

export interface UserMessage {
  readonly kind: 'user';
  readonly payload: Uint8Array;
}

/** What a packet can hold once its layers are off. */
export type PacketMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | UserMessage;

/** States as push/pull numbers them. */
export const WireState = { ALIVE: 0, SUSPECT: 1, DEAD: 2, LEFT: 3 } as const;

export interface NodeState {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta?: Uint8Array;
  readonly incarnation: number;
  /** A `WireState`; other numbers are kept and ignored. */
  readonly state: number;
  readonly vsn?: Uint8Array;
}

export interface PushPull {
  readonly kind: 'pushPull';
  readonly join: boolean;
  readonly nodes: readonly NodeState[];
  readonly userState: Uint8Array;
}

export interface RemoteError {
  readonly kind: 'error';
  readonly error: string;
}

/** What a stream can hold once its layers are off. */
export type StreamMessage = PushPull | UserMessage | Ping | Ack | RemoteError;
