import { addressText, parseAddress } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';
import { NO_BYTES } from './core/bytes.js';
import { GossipTransport } from './gossip-transport.js';
import type { GossipListener, GossipStream } from './gossip-transport.js';

/** A network in memory, for tests: what one transport sends, another of the same network receives. */
export class MemoryGossipNetwork {
  private readonly listeners = new Map<string, MemoryGossipTransport>();
  private nextPort = 10_000;

  transport(): MemoryGossipTransport {
    return new MemoryGossipTransport(this);
  }

  /** Gives the port taken. */
  register(host: string, port: number, transport: MemoryGossipTransport): number {
    const taken = port === 0 ? this.nextPort++ : port;
    const key = `${host}:${taken}`;
    if (this.listeners.has(key)) throw new Error(`address in use: ${key}`);
    this.listeners.set(key, transport);
    return taken;
  }

  forget(transport: MemoryGossipTransport): void {
    for (const [key, other] of this.listeners) if (other === transport) this.listeners.delete(key);
  }

  at(endpoint: Endpoint): MemoryGossipTransport | undefined {
    return this.listeners.get(`${addressText(endpoint.addr)}:${endpoint.port}`);
  }
}

export class MemoryGossipTransport extends GossipTransport {
  private listener: GossipListener | undefined;
  private local: Endpoint = { addr: NO_BYTES, port: 0 };
  private readonly streams = new Set<MemoryGossipStream>();

  constructor(private readonly network: MemoryGossipNetwork) {
    super();
  }

  listen(host: string, port: number, listener: GossipListener): Promise<Endpoint> {
    const bound = this.network.register(host, port, this);
    this.listener = listener;
    this.local = { addr: parseAddress(host) ?? NO_BYTES, port: bound };
    return Promise.resolve(this.local);
  }

  send(packet: Uint8Array, to: Endpoint): void {
    const copy = packet.slice();
    const from = this.local;
    setImmediate(() => this.network.at(to)?.listener?.packet(copy, from));
  }

  backlogBytes(): number {
    return 0;
  }

  dial(to: Endpoint, _timeoutMs: number): Promise<GossipStream> {
    const peer = this.network.at(to);
    if (peer?.listener === undefined) return Promise.reject(new Error('connection refused'));
    const mine = new MemoryGossipStream(to);
    const theirs = new MemoryGossipStream(this.local);
    mine.join(theirs);
    this.streams.add(mine);
    peer.streams.add(theirs);
    const { listener } = peer;
    setImmediate(() => listener.stream(theirs));
    return Promise.resolve(mine);
  }

  close(): Promise<void> {
    this.network.forget(this);
    this.listener = undefined;
    for (const stream of this.streams) stream.close();
    return Promise.resolve();
  }
}

class MemoryGossipStream implements GossipStream {
  private readonly inbox: Uint8Array[] = [];
  private peer: MemoryGossipStream | undefined;
  private ended = false;
  private wake: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(readonly remote: Endpoint) {}

  join(peer: MemoryGossipStream): void {
    this.peer = peer;
    peer.peer = this;
  }

  async *chunks(): AsyncIterable<Uint8Array> {
    for (;;) {
      const chunk = this.inbox.shift();
      if (chunk !== undefined) yield chunk;
      else if (this.ended) return;
      else await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  write(bytes: Uint8Array): Promise<void> {
    const { peer } = this;
    if (this.ended && peer?.ended === true) return Promise.reject(new Error('stream was closed'));
    peer?.inbox.push(bytes.slice());
    peer?.wake();
    return Promise.resolve();
  }

  setDeadline(timeoutMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.close(), timeoutMs);
  }

  close(): void {
    clearTimeout(this.timer);
    this.end();
    this.peer?.end();
  }

  private end(): void {
    this.ended = true;
    this.wake();
  }
}
