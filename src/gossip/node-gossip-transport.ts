import { createSocket } from 'node:dgram';
import type { Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/domain-error.js';
import { addressText } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';
import { GossipTransport } from './gossip-transport.js';
import type { GossipListener, GossipStream } from './gossip-transport.js';
import { endpointOf, SocketGossipStream } from './socket-gossip-stream.js';

/** Wished of the kernel, and halved until it agrees: a burst of gossip must not be lost to a pause. */
const RECEIVE_BUFFER_BYTES = 2 * 1_048_576;
const RECEIVE_BUFFER_BYTES_MIN = 65_536;

/** With port 0 the kernel's choice for TCP may be taken on UDP. */
const PORT_ATTEMPTS = 10;

/** Connections at a time, before any byte of them is read. */
const CONNECTIONS_MAX = 256;

/** UDP and TCP of the kernel, on one port. */
@Injectable()
export class NodeGossipTransport extends GossipTransport {
  private datagrams: DatagramSocket | undefined;
  private server: Server | undefined;
  private readonly sockets = new Set<Socket>();

  async listen(host: string, port: number, listener: GossipListener): Promise<Endpoint> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.tryListen(host, port, listener);
      } catch (error) {
        await this.close();
        if (port !== 0 || attempt === PORT_ATTEMPTS) throw cannotListen(host, port, error);
      }
    }
  }

  send(packet: Uint8Array, to: Endpoint): void {
    const { datagrams } = this;
    if (datagrams === undefined || to.port === 0) return;
    const address = addressText(to.addr);
    if (address.startsWith('?')) return;
    datagrams.send(packet, to.port, address, (error) => {
      if (error !== null) this.listener?.packetRefused(to);
    });
  }

  backlogBytes(): number {
    return this.datagrams?.getSendQueueSize() ?? 0;
  }

  async dial(to: Endpoint, timeoutMs: number): Promise<GossipStream> {
    const socket = connect({ host: addressText(to.addr), port: to.port });
    this.track(socket);
    const timer = setTimeout(() => socket.destroy(new Error('dial timed out')), timeoutMs);
    try {
      await once(socket, 'connect');
    } finally {
      clearTimeout(timer);
    }
    return new SocketGossipStream(socket);
  }

  async close(): Promise<void> {
    const { datagrams, server } = this;
    this.datagrams = undefined;
    this.server = undefined;
    this.listener = undefined;
    for (const socket of this.sockets) socket.destroy();
    if (datagrams !== undefined) await new Promise<void>((done) => datagrams.close(() => done()));
    if (server?.listening === true) await new Promise<void>((done) => server.close(() => done()));
  }

  private listener: GossipListener | undefined;

  private async tryListen(host: string, port: number, listener: GossipListener): Promise<Endpoint> {
    // A peer may end its side after the request and still wait for the answer.
    const half = { allowHalfOpen: true };
    this.server = createServer(half, (socket) => this.accept(socket, listener));
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.listen({ host, port });
    await once(this.server, 'listening');
    const address = this.server.address();
    const bound = address === null || typeof address === 'string' ? port : address.port;
    await this.bindDatagrams(host, bound, listener);
    this.listener = listener;
    return endpointOf(host, bound);
  }

  private async bindDatagrams(host: string, port: number, listener: GossipListener): Promise<void> {
    const socket = createSocket({
      type: host.includes(':') ? 'udp6' : 'udp4',
      // Addresses are numbers already; Node would look up even those.
      lookup: (address, _, callback) => callback(null, address, address.includes(':') ? 6 : 4),
    });
    this.datagrams = socket;
    socket.on('message', (bytes, from) => {
      listener.packet(bytes, endpointOf(from.address, from.port));
    });
    // Asked for before: with our look-up the socket may be listening when `bind` returns.
    const listening = once(socket, 'listening');
    socket.bind({ address: host, port, exclusive: true });
    await listening;
    // An error of one packet (a port unreachable) is no reason to stop listening.
    socket.on('error', () => undefined);
    enlargeReceiveBuffer(socket);
  }

  private accept(socket: Socket, listener: GossipListener): void {
    this.track(socket);
    listener.stream(new SocketGossipStream(socket));
  }

  private track(socket: Socket): void {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
  }
}

function enlargeReceiveBuffer(socket: DatagramSocket): void {
  for (let bytes = RECEIVE_BUFFER_BYTES; bytes >= RECEIVE_BUFFER_BYTES_MIN; bytes /= 2) {
    try {
      return socket.setRecvBufferSize(bytes);
    } catch {
      // The kernel allows less: ask for half.
    }
  }
}

const cannotListen = (host: string, port: number, cause: unknown): DomainError =>
  new DomainError(
    'UNAVAILABLE',
    `cluster.gossip: cannot listen on ${host}:${port} over UDP and TCP; free the port or set cluster.gossip.port`,
    { cause },
  );
