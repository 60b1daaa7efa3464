import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../../src/common/random.js';

/** What becomes of what one replica sends to another one. */
export interface Weather {
  readonly isCut: boolean;
  readonly delayMs: number;
  /** On top of the delay, at most. */
  readonly jitterMs: number;
  /** Share of packets that are lost; a part of a stream is sent again by TCP, and comes late. */
  readonly loss: number;
}

export const CLEAR: Weather = { isCut: false, delayMs: 0, jitterMs: 0, loss: 0 };

/** A replica as its peers reach it: at its own ports, on the address of the proxy. */
export interface ProxiedReplica {
  readonly slot: string;
  readonly host: string;
  readonly gossipPort: number;
  readonly peerPort: number;
}

/** After which TCP sends again what was lost. */
const RETRANSMIT_MS = 200;

/**
 * Stands between replicas that tell each other its address in place of their own: gossip over UDP and TCP,
 * and the streams of counts. It knows who speaks by the address that a packet comes from, delays, loses and
 * cuts, one direction of one pair at a time, and counts the bytes.
 */
export class PeerProxy {
  readonly bytes = { streams: 0, gossip: 0 };
  private readonly weather = new Map<string, Weather>();
  private readonly lanes = new Set<TcpLane>();
  private readonly servers: Server[] = [];
  /** By replica: where its gossip is sent to, and where its answers come from. */
  private readonly doors = new Map<string, UdpSocket>();
  /** By pair: from where one is sent what another one says. */
  private readonly relays = new Map<string, Promise<UdpSocket>>();

  constructor(
    private readonly replicas: readonly ProxiedReplica[],
    private readonly address: string,
    private readonly random: Random,
  ) {}

  async listen(): Promise<void> {
    for (const replica of this.replicas) {
      await this.listenTcp(replica, replica.gossipPort, 'gossip');
      await this.listenTcp(replica, replica.peerPort, 'streams');
      const door = createSocket('udp4');
      door.on('message', (packet, from) => void this.packet(packet, from.address, replica));
      door.bind(replica.gossipPort, this.address);
      await once(door, 'listening');
      this.doors.set(replica.slot, door);
    }
  }

  set(from: string, to: string, weather: Weather): void {
    this.weather.set(`${from} ${to}`, weather);
    for (const lane of this.lanes) lane.look();
  }

  async close(): Promise<void> {
    for (const lane of this.lanes) lane.destroy();
    for (const server of this.servers) server.close();
    for (const door of this.doors.values()) door.close();
    for (const relay of this.relays.values()) (await relay).close();
  }

  private async listenTcp(
    to: ProxiedReplica,
    port: number,
    kind: keyof PeerProxy['bytes'],
  ): Promise<void> {
    const server = createServer((caller) => this.forward(caller, to, { port, kind }));
    server.listen(port, this.address);
    await once(server, 'listening');
    this.servers.push(server);
  }

  private forward(
    caller: Socket,
    to: ProxiedReplica,
    { port, kind }: { readonly port: number; readonly kind: keyof PeerProxy['bytes'] },
  ): void {
    const from = this.speaker(caller.remoteAddress);
    if (from === undefined) {
      caller.destroy();
      return;
    }
    const callee = connect({ host: to.host, port, localAddress: this.address });
    const count = (bytes: number): void => void (this.bytes[kind] += bytes);
    this.lane(caller, callee, { weather: this.weatherOf(from.slot, to.slot), count });
    this.lane(callee, caller, { weather: this.weatherOf(to.slot, from.slot), count });
  }

  private lane(
    from: Socket,
    to: Socket,
    { weather, count }: Pick<LaneParts, 'weather' | 'count'>,
  ): void {
    const parts = { weather, count, random: this.random, ended: () => this.lanes.delete(lane) };
    const lane: TcpLane = new TcpLane(from, to, parts);
    this.lanes.add(lane);
  }

  private async packet(packet: Buffer, address: string, to: ProxiedReplica): Promise<void> {
    const from = this.speaker(address);
    if (from === undefined) return;
    const relay = await this.relayOf(from, to);
    this.carry(packet, this.weatherOf(from.slot, to.slot)(), () =>
      relay.send(packet, to.gossipPort, to.host),
    );
  }

  /** What comes back to the port of a pair goes out of the door of whoever says it. */
  private relayOf(from: ProxiedReplica, to: ProxiedReplica): Promise<UdpSocket> {
    const pair = `${from.slot} ${to.slot}`;
    const known = this.relays.get(pair);
    if (known !== undefined) return known;
    const relay = createSocket('udp4');
    relay.on('message', (packet) =>
      this.carry(packet, this.weatherOf(to.slot, from.slot)(), () =>
        this.doors.get(to.slot)?.send(packet, from.gossipPort, from.host),
      ),
    );
    relay.bind(0, this.address);
    const bound = once(relay, 'listening').then(() => relay);
    this.relays.set(pair, bound);
    return bound;
  }

  private carry(packet: Buffer, weather: Weather, send: () => void): void {
    if (weather.isCut || this.random.fraction() < weather.loss) return;
    this.bytes.gossip += packet.length;
    const { delayMs, jitterMs } = weather;
    const waitMs = delayMs + this.random.fraction() * jitterMs;
    if (waitMs > 0) setTimeout(send, waitMs);
    else send();
  }

  private weatherOf(from: string, to: string): () => Weather {
    return () => this.weather.get(`${from} ${to}`) ?? CLEAR;
  }

  private speaker(address: string | undefined): ProxiedReplica | undefined {
    return this.replicas.find(({ host }) => host === address);
  }
}

interface LaneParts {
  readonly weather: () => Weather;
  readonly count: (bytes: number) => void;
  readonly random: Random;
  readonly ended: () => void;
}

/** One direction of one connection. Keeps order; cut, it keeps what it has and takes no more. */
class TcpLane {
  private readonly queue: { readonly bytes: Buffer; readonly dueMs: number }[] = [];
  private lastDueMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly parts: LaneParts,
  ) {
    from.on('data', (bytes: Buffer) => this.take(bytes));
    // The end is told by `close`, which follows.
    from.on('error', () => undefined);
    from.on('close', () => {
      this.isOver = true;
      this.look();
    });
    this.look();
  }

  /** The weather may have changed. */
  look(): void {
    clearTimeout(this.timer);
    if (this.parts.weather().isCut) {
      this.from.pause();
      return;
    }
    this.from.resume();
    for (let next = this.queue[0]; next && next.dueMs <= performance.now(); next = this.queue[0]) {
      this.queue.shift();
      this.to.write(next.bytes);
    }
    const [next] = this.queue;
    if (next !== undefined)
      this.timer = setTimeout(() => this.look(), Math.ceil(next.dueMs - performance.now()));
    else if (this.isOver) this.end();
  }

  destroy(): void {
    clearTimeout(this.timer);
    this.from.destroy();
    this.to.destroy();
  }

  private take(bytes: Buffer): void {
    this.parts.count(bytes.length);
    const { delayMs, jitterMs, loss } = this.parts.weather();
    const { random } = this.parts;
    const againMs = random.fraction() < loss ? RETRANSMIT_MS : 0;
    const dueMs = performance.now() + delayMs + random.fraction() * jitterMs + againMs;
    this.lastDueMs = Math.max(this.lastDueMs, dueMs);
    this.queue.push({ bytes, dueMs: this.lastDueMs });
    this.look();
  }

  private end(): void {
    this.parts.ended();
    this.destroy();
  }
}
