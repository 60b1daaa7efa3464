import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import type { AllowedNetworks } from '../common/allowed-networks.js';
import type { Clock } from '../common/clock.js';
import { parseAddress } from '../common/ip-address.js';
import type { Log } from '../common/log.js';
import { BeaconSeal } from './beacon-seal.js';
import { type Beacon, beaconContent, openBeacon, sealedBeacon } from './core/beacon.js';
import { BEACON_REFUSALS, type BeaconRefusal, BeaconTable } from './core/beacon-table.js';
import { broadcastAddress } from './core/broadcast-address.js';
import type { PeerSourceListener, SelfAnnouncement } from './peer-source.js';
import { type PollAnswer, PollingPeerSource, type PollingRim } from './polling-peer-source.js';

export interface UdpPeerSourceOptions {
  readonly serviceName: string;
  readonly clusterName: string;
  readonly port: number;
  /** Only from and to these. */
  readonly allowed: AllowedNetworks;
  /** Keys of the gossip; none: beacons are not sealed. */
  readonly keys: () => readonly Uint8Array[];
  readonly self: SelfAnnouncement | undefined;
}

export interface UdpPeerSourceRim extends PollingRim {
  readonly clock: Clock;
  readonly log: Log;
}

/** Between two beacons. */
const BEACON_SECONDS = 5;

/** Whoever has just come calls out this often, a second apart, and is answered. */
const ASKING_ROUNDS = 3;

/** Answers are spread over this time, and one serves all who asked in it. */
const ANSWER_SPREAD_MS = 300;

/** The farewell is sent twice, since nobody acknowledges it. */
const FAREWELLS = 2;

/** Addresses whose refusal is remembered as told. */
const TOLD_MAX = 1_024;

/** Replicas call out to each other in one broadcast domain. */
export class UdpPeerSource extends PollingPeerSource {
  readonly type = 'udp';
  private readonly table: BeaconTable;
  private readonly seal: BeaconSeal;
  private readonly told = new Set<string>();
  private socket: Socket | undefined;
  private answering: NodeJS.Timeout | undefined;
  private rounds = 0;
  private lastSentAtMs = 0;
  private wasDeaf = false;
  private hasStopped = false;

  constructor(
    private readonly options: UdpPeerSourceOptions,
    private readonly rim: UdpPeerSourceRim,
  ) {
    super(rim);
    const { serviceName, clusterName, self } = options;
    const own = { service: serviceName, cluster: clusterName };
    this.table = new BeaconTable(self === undefined ? own : { ...own, replicaId: self.replicaId });
    this.seal = new BeaconSeal(options.keys);
  }

  override start(listener: PeerSourceListener): Promise<void> {
    if (this.options.keys().length === 0) {
      this.rim.log.warn(
        {},
        'beacons are not sealed: whoever shares the network can call itself a replica; set cluster.gossip.keys',
      );
    }
    return super.start(listener);
  }

  override async stop(timeoutMs: number): Promise<void> {
    await super.stop(timeoutMs);
    this.hasStopped = true;
    clearTimeout(this.answering);
    const { socket } = this;
    this.socket = undefined;
    if (socket === undefined) return;
    for (let sent = 0; sent < FAREWELLS; sent++) await this.call('leaving', socket);
    socket.close();
  }

  protected async ask(): Promise<PollAnswer> {
    try {
      await this.callOut();
    } catch (error) {
      this.wasDeaf = true;
      throw error;
    }
    const now = this.rim.clock.monoNow();
    if (this.wasDeaf) this.table.forgive(now);
    this.wasDeaf = false;
    this.table.expire(now);
    const isAsking = this.rounds < ASKING_ROUNDS;
    return { peers: this.table.peers(), ttlSeconds: isAsking ? 1 : BEACON_SECONDS };
  }

  protected cancel(): void {}

  private async callOut(): Promise<void> {
    this.socket ??= await this.open();
    const mood = this.rounds < ASKING_ROUNDS ? 'asking' : 'here';
    const errors = await this.call(mood, this.socket);
    if (errors !== undefined) throw new Error(errors);
    this.rounds++;
  }

  private async open(): Promise<Socket> {
    const { port } = this.options;
    const socket = createSocket({ type: 'udp4', reuseAddr: true });
    socket.on('message', (packet, from) => this.hear(packet, from));
    socket.on('error', () => this.close(socket));
    socket.bind(port);
    try {
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw new Error(
        `UDP port ${port} cannot be bound (${reasonOf(error)}); free it, or set another cluster.discovery.udpBroadcastPort`,
        { cause: error },
      );
    }
    socket.setBroadcast(true);
    if (this.hasStopped) socket.close();
    return socket;
  }

  private close(socket: Socket): void {
    if (this.socket !== socket) return;
    this.socket = undefined;
    socket.close();
  }

  /** Into every network of ours that is allowed. Gives what went wrong if nobody could be called. */
  private async call(mood: Beacon['mood'], socket: Socket): Promise<string | undefined> {
    const targets = this.targets();
    if (targets.length === 0) {
      return 'no network of this machine is up and inside cluster.discovery.allowedAddressSpace; bring one up, or correct the list';
    }
    const packet = this.packet(mood);
    if (packet === undefined) return undefined;
    const errors = await Promise.all(targets.map((target) => this.send(socket, packet, target)));
    const failed = errors.flatMap((error) => error ?? []);
    return failed.length === targets.length ? failed.join('; ') : undefined;
  }

  private targets(): readonly string[] {
    return Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, address }) => family === 'IPv4' && this.isAllowed(address))
      .flatMap(({ address, netmask }) => broadcastAddress(address, netmask) ?? []);
  }

  /** Who only looks says nothing. */
  private packet(mood: Beacon['mood']): Uint8Array | undefined {
    const { self, serviceName, clusterName } = this.options;
    if (self === undefined) return undefined;
    const { replicaId, host, port, region } = self;
    const sentAtMs = Math.max(this.rim.clock.wallNow(), this.lastSentAtMs + 1);
    this.lastSentAtMs = sentAtMs;
    const content = beaconContent({
      service: serviceName,
      cluster: clusterName,
      replicaId,
      host,
      port,
      region,
      sentAtMs,
      mood,
    });
    return sealedBeacon(content, this.seal.seal(content));
  }

  private send(socket: Socket, packet: Uint8Array, target: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      socket.send(packet, this.options.port, target, (error) =>
        resolve(
          error === null
            ? undefined
            : `${target} cannot be called (${reasonOf(error)}); check the routes`,
        ),
      );
    });
  }

  private hear(packet: Uint8Array, { address }: RemoteInfo): void {
    if (!this.isAllowed(address))
      return this.refuse(address, 'comes from outside cluster.discovery.allowedAddressSpace');
    const opened = openBeacon(packet);
    if (opened === undefined) return this.refuse(address, 'is not a beacon');
    const { beacon, content, seal } = opened;
    const heard = { beacon, from: address, seal: this.seal.check(content, seal) };
    const verdict = this.table.take(heard, this.rim.clock.wallNow(), this.rim.clock.monoNow());
    if (verdict.kind === 'refused') return this.refuse(address, whyOf(verdict.reason));
    if (verdict.kind === 'notMeant') return;
    if (verdict.isNews) this.tell(this.table.peers());
    if (beacon.mood === 'asking') this.answerSoon();
  }

  private answerSoon(): void {
    if (this.answering !== undefined || this.hasStopped) return;
    this.answering = setTimeout(() => {
      this.answering = undefined;
      if (this.socket !== undefined) void this.call('here', this.socket);
    }, this.rim.random.below(ANSWER_SPREAD_MS));
  }

  private refuse(address: string, why: string): void {
    const key = `${address} ${why}`;
    if (this.told.has(key)) return;
    if (this.told.size >= TOLD_MAX) this.told.clear();
    this.told.add(key);
    this.rim.log.warn({ address }, `a UDP beacon ${why}; passed over`);
  }

  private isAllowed(address: string): boolean {
    return this.options.allowed.allows(parseAddress(address) ?? new Uint8Array(0));
  }
}

const whyOf = (reason: BeaconRefusal): string => BEACON_REFUSALS[reason];

const reasonOf = (error: unknown): string =>
  String((error as { readonly code?: unknown }).code ?? error);
