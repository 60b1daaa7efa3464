import type { Endpoint } from './core/endpoint.js';

/** What a transport tells its owner. Neither may throw, and both are called from the event loop. */
export interface GossipListener {
  packet(bytes: Uint8Array, from: Endpoint): void;
  /** The network said at once that the packet cannot get there. */
  packetRefused(to: Endpoint): void;
  /** A peer has connected. Whoever takes the stream closes it. */
  stream(stream: GossipStream): void;
}

/** One connection: one message each way at most. */
export interface GossipStream {
  readonly remote: Endpoint;
  /**
   * The bytes as they arrive, in any pieces, at the reader's pace; ends when the peer has ended or
   * the deadline has passed.
   */
  chunks(): AsyncIterable<Uint8Array>;
  /** Resolves when the bytes are handed to the network. */
  write(bytes: Uint8Array): Promise<void>;
  /** From now on so long until the stream is cut, whatever it is doing. */
  setDeadline(timeoutMs: number): void;
  /** Ends our side in good order, or cuts the stream if it was already broken. */
  close(): void;
}

/**
 * Datagrams, best effort, and streams, on one port. Packets are sent from the listening port, so that
 * an answer to a packet's source reaches the sender. `memory-gossip-network.ts` is its twin;
 * `test/contract/gossip-transport.contract.ts` says what both must do.
 */
export abstract class GossipTransport {
  /** Starts to listen; port 0 takes a free one. Gives the address in use. */
  abstract listen(host: string, port: number, listener: GossipListener): Promise<Endpoint>;

  /** Never throws and never waits: a packet that cannot be sent is lost, or reported as refused. */
  abstract send(packet: Uint8Array, to: Endpoint): void;

  /** Bytes of packets that were sent and have not left this host. */
  abstract backlogBytes(): number;

  /** Connects, within the time-out; rejects if that fails. */
  abstract dial(to: Endpoint, timeoutMs: number): Promise<GossipStream>;

  /** Cuts everything. Nothing is reported after. */
  abstract close(): Promise<void>;
}
