import type { Socket } from 'node:net';
import { NO_BYTES } from './core/bytes.js';
import { ipv4Of, parseAddress } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';
import type { GossipStream } from './gossip-transport.js';

/** A TCP connection as the gossip needs it. */
export class SocketGossipStream implements GossipStream {
  readonly remote: Endpoint;
  private deadline: NodeJS.Timeout | undefined;

  constructor(private readonly socket: Socket) {
    this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
    socket.setNoDelay(true);
    // Errors end the iteration of `chunks` and reject `write`; without a listener they would crash us.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.deadline));
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    // Whoever stops reading after the request still wants to answer.
    for await (const chunk of this.socket.iterator({ destroyOnReturn: false })) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.once('close', () => reject(new Error('stream was closed')));
      this.socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
  }

  setDeadline(timeoutMs: number): void {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.socket.destroy(), timeoutMs);
  }

  close(): void {
    this.socket.end();
    // A peer that goes on sending would keep the socket: what it sends now nobody reads.
    this.socket.destroySoon();
  }
}

/** Dual-stack sockets show IPv4 peers mapped; the protocol's rules compare the plain form. */
export function endpointOf(address: string | undefined, port: number | undefined): Endpoint {
  const addr = parseAddress(address ?? '') ?? NO_BYTES;
  return { addr: ipv4Of(addr) ?? addr, port: port ?? 0 };
}
