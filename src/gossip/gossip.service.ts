import { networkInterfaces } from 'node:os';
import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { DomainError, invalidArgument } from '../common/domain-error.js';
import { Random } from '../common/random.js';
import { advertisedEndpoint } from './advertised-endpoint.js';
import { AllowedNetworks } from '../common/allowed-networks.js';
import { utf8 } from './core/bytes.js';
import type { Endpoint } from './core/endpoint.js';
import type { GossipListener } from './gossip-transport.js';
import { DEFAULT_VSN, META_BYTES_MAX } from './core/gossip-options.js';
import type { GossipOptions } from './core/gossip-options.js';
import { Keyring } from './core/keyring.js';
import { LabelSet } from './core/label-set.js';
import type { MemberView } from './core/member-event.js';
import { packetOverheadBytes } from './core/wire-settings.js';
import type { WireSettings } from './core/wire-settings.js';
import { GossipDelegate } from './gossip-delegate.js';
import { GossipDriver } from './gossip.driver.js';
import { checkGossipSettings, timingsOf } from './gossip-options-of.js';
import type { GossipSettings } from './gossip-settings.js';
import { GossipTransport } from './gossip-transport.js';
import { NodeGossipCrypto } from './node-gossip-crypto.js';
import { resolveAddress } from './resolve-address.js';

/** A gossiped message must fit into a packet with its type and length beside other news. */
export const BROADCAST_BYTES_MAX = 1_024;

/** A packet for one member; larger ones go over a stream. */
export const BEST_EFFORT_BYTES_MAX = 60_000;

export interface GossipPorts {
  readonly transport: GossipTransport;
  readonly delegate: GossipDelegate;
  readonly clock: Clock;
  readonly random: Random;
}

export interface JoinOutcome {
  readonly joined: number;
  /** One line for each address that did not answer. */
  readonly errors: readonly string[];
}

/**
 * The cluster as other modules see it: who is in it, and how to tell them something. `start` first,
 * `leave` and `stop` last.
 */
@Injectable()
export class GossipService {
  /** Changes take effect at once. */
  readonly keyring: Keyring;
  readonly labels: LabelSet;
  private driver: GossipDriver | undefined;
  private bound: Endpoint | undefined;
  private lastToken = 0;

  constructor(
    private readonly settings: GossipSettings,
    private readonly ports: GossipPorts,
  ) {
    checkGossipSettings(settings);
    this.keyring = new Keyring(settings.keys);
    this.labels = new LabelSet(utf8(settings.label ?? ''));
    for (const label of settings.acceptedLabels ?? []) this.labels.accept(utf8(label));
  }

  /**
   * Listens and becomes a cluster of one. Gives the address that others are told. What they shall know
   * of us may be known only now, when other servers have their ports.
   */
  async start(meta: Uint8Array | undefined = this.settings.meta): Promise<Endpoint> {
    const relay = new ListenerRelay();
    const { bindHost, port } = this.settings;
    const bound = await this.ports.transport.listen(bindHost, port, relay);
    try {
      const driver = this.makeDriver(bound, meta);
      this.driver = driver;
      this.bound = bound;
      relay.to = driver;
      driver.handle({ kind: 'start' });
    } catch (error) {
      await this.ports.transport.close();
      throw error;
    }
    return this.self.member;
  }

  /**
   * Exchanges the state with every address behind these names. All at once: one that does not answer
   * must not keep us from those that do.
   */
  async join(addresses: readonly string[]): Promise<JoinOutcome> {
    const errors: string[] = [];
    let joined = 0;
    const joinOne = async (text: string, to: Endpoint): Promise<void> => {
      const error = await this.joinAt(to);
      if (error === undefined) joined++;
      else errors.push(`${text}: ${error}`);
    };
    const joinName = async (text: string): Promise<void> => {
      const endpoints = await this.resolve(text, errors);
      await Promise.all(endpoints.map((to) => joinOne(text, to)));
    };
    await Promise.all(addresses.map(joinName));
    return { joined, errors };
  }

  /** Between `start` and `stop`. */
  get isRunning(): boolean {
    return this.driver !== undefined;
  }

  members(): readonly MemberView[] {
    return this.running.machine.members();
  }

  member(name: string): MemberView | undefined {
    return this.running.machine.member(name);
  }

  get self(): { readonly member: MemberView; readonly healthScore: number } {
    const member = this.member(this.settings.name);
    if (member === undefined)
      throw new DomainError('FAILED_PRECONDITION', 'gossip has not started');
    return { member, healthScore: this.running.machine.healthScore };
  }

  /** What waits: news to be spread, and messages to be handled. */
  get load(): { readonly queuedBroadcasts: number; readonly queuedMessages: number } {
    const { machine, userQueueDepth } = this.running;
    return { queuedBroadcasts: machine.queued, queuedMessages: userQueueDepth };
  }

  /** Whether whatever comes in has been sealed with one of our keys. */
  get trustsSenders(): boolean {
    return this.keyring.primary !== undefined && (this.settings.verifyIncoming ?? true);
  }

  counters(): Readonly<Record<string, number>> {
    return this.running.counters.all();
  }

  /** Tells all what they shall know of us; resolves when the news has been sent out. */
  async update(meta: Uint8Array | undefined): Promise<void> {
    if ((meta?.length ?? 0) > META_BYTES_MAX) {
      const description = `${meta?.length} bytes are over the limit of ${META_BYTES_MAX}`;
      throw invalidArgument([{ field: 'meta', description }]);
    }
    const token = `update-${++this.lastToken}`;
    await this.running.request('broadcastDone', token, { kind: 'update', meta, token });
  }

  /** A small message to all, some of whom may miss it. A newer one of the same name replaces it. */
  broadcast(name: string, payload: Uint8Array): void {
    checkSize('payload', payload, BROADCAST_BYTES_MAX);
    this.running.handle({ kind: 'broadcast', name, payload });
  }

  /** A packet to one member, which may be lost. */
  sendBestEffort(node: string, payload: Uint8Array): void {
    checkSize('payload', payload, BEST_EFFORT_BYTES_MAX);
    this.running.handle({ kind: 'sendTo', node, payload });
  }

  /** A message to one member over a stream; rejects if it could not be handed over. */
  async sendReliable(node: string, payload: Uint8Array): Promise<void> {
    const member = this.member(node);
    if (member === undefined) throw new DomainError('NOT_FOUND', `no member is named "${node}"`);
    await this.running.sendReliable(member, payload);
  }

  /** The round trip to a member in milliseconds, or `undefined` if it did not answer. */
  async ping(node: string): Promise<{ readonly rttMs?: number; readonly payload?: Uint8Array }> {
    const token = ++this.lastToken;
    return this.running.request('pingDone', token, { kind: 'ping', token, node });
  }

  /** Says farewell, and waits until the news has been sent as often as it takes, or the time is up. */
  async leave(timeoutMs: number): Promise<void> {
    const token = `leave-${++this.lastToken}`;
    const spread = this.running.request('broadcastDone', token, { kind: 'leave', token });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, timeoutMs)));
    await Promise.race([spread, late]);
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    this.driver?.stop();
    this.driver = undefined;
    await this.ports.transport.close();
  }

  private get running(): GossipDriver {
    if (this.driver === undefined) {
      throw new DomainError('FAILED_PRECONDITION', 'gossip has not started');
    }
    return this.driver;
  }

  private makeDriver(bound: Endpoint, meta: Uint8Array | undefined): GossipDriver {
    const { settings } = this;
    const wire = wireSettings(settings, this);
    const options: GossipOptions = {
      ...timingsOf(settings),
      name: settings.name,
      advertise: advertisedEndpoint(settings, bound, networkInterfaces()),
      bindPort: bound.port,
      meta,
      vsn: settings.vsn ?? DEFAULT_VSN,
      firstIncarnation: settings.firstIncarnation ?? 1,
      allowed: new AllowedNetworks(
        settings.allowedAddressSpace,
        'cluster.discovery.allowedAddressSpace',
      ),
      overheadBytes: () => packetOverheadBytes(wire),
      ...(settings.ackPayload === undefined ? {} : { ackPayload: settings.ackPayload }),
    };
    return new GossipDriver(options, { ...this.ports, wire });
  }

  private async resolve(text: string, errors: string[]): Promise<readonly Endpoint[]> {
    try {
      return await resolveAddress(text, this.bound?.port ?? this.settings.port);
    } catch (error) {
      errors.push(`${text}: ${error instanceof Error ? error.message : String(error)}`);
      return [];
    }
  }

  private async joinAt(to: Endpoint): Promise<string | undefined> {
    const exchange = ++this.lastToken;
    const input = { kind: 'join', exchange, to } as const;
    const outcome = await this.running.request('exchangeDone', exchange, input);
    return outcome.error;
  }
}

function wireSettings(
  settings: GossipSettings,
  { keyring, labels }: Pick<GossipService, 'keyring' | 'labels'>,
): WireSettings {
  return {
    labels,
    skipInboundLabelCheck: settings.skipInboundLabelCheck ?? false,
    compression: settings.compression ?? true,
    keyring,
    crypto: new NodeGossipCrypto(),
    encryptionVersion: 1,
    verifyIncoming: settings.verifyIncoming ?? true,
    verifyOutgoing: settings.verifyOutgoing ?? true,
  };
}

function checkSize(field: string, payload: Uint8Array, most: number): void {
  if (payload.length <= most) return;
  const description = `${payload.length} bytes are over ${most}; send it with sendReliable`;
  throw invalidArgument([{ field, description }]);
}

/** The transport wants its listener before the driver can know the port that was taken. */
class ListenerRelay implements GossipListener {
  to: GossipListener | undefined;

  packet(...args: Parameters<GossipListener['packet']>): void {
    this.to?.packet(...args);
  }

  packetRefused(...args: Parameters<GossipListener['packetRefused']>): void {
    this.to?.packetRefused(...args);
  }

  stream(...[stream]: Parameters<GossipListener['stream']>): void {
    if (this.to === undefined) stream.close();
    else this.to.stream(stream);
  }
}
