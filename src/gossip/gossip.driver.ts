import { Logger } from '@nestjs/common';
import type { Clock } from '../common/clock.js';
import type { Random } from '../common/random.js';
import type { MonoMs } from '../common/time.js';
import { unreachable } from '../common/assert.js';
import { packMessages } from './core/compound.js';
import type { Endpoint } from './core/endpoint.js';
import type { GossipEffect, NoticeKind } from './core/gossip-effect.js';
import { GOSSIP_LOOPS, type GossipInput } from './core/gossip-input.js';
import { GossipMachine } from './core/gossip-machine.js';
import type { GossipOptions } from './core/gossip-options.js';
import type { MemberEvent } from './core/member-event.js';
import type { StreamMessage } from './core/messages.js';
import { decodePacket } from './core/packet-decoder.js';
import { encodePacket } from './core/packet-encoder.js';
import type { WireSettings } from './core/wire-settings.js';
import { GossipCounters } from './gossip-counters.js';
import type { GossipDelegate } from './gossip-delegate.js';
import { GossipStreams } from './gossip-streams.js';
import type { OpenRequest } from './gossip-streams.js';
import type { GossipListener, GossipStream, GossipTransport } from './gossip-transport.js';
import { UserMessageQueue } from './user-message-queue.js';

/** Peers about which a notice was logged; after that they are counted only. */
const NOTICED_MAX = 1_024;

export interface GossipDriverParts {
  readonly transport: GossipTransport;
  readonly delegate: GossipDelegate;
  readonly wire: WireSettings;
  readonly clock: Clock;
  readonly random: Random;
}

/** More than this waiting in our own socket means that the network has stopped taking packets. */
const BACKLOG_BYTES_MAX = 1_048_576;

/** How often to look whether it takes them again. */
const CONGESTION_CHECK_MS = 50;

/** What callers wait for, reported by the machine under a number or a word. */
type Outcome = Extract<GossipEffect, { kind: 'exchangeDone' | 'broadcastDone' | 'pingDone' }>;

/**
 * The only loop of the gossip: gives the machine what the network says, does what it wants, and wakes
 * it at its deadline with the one timer there is.
 */
export class GossipDriver implements GossipListener {
  readonly counters = new GossipCounters();
  readonly machine: GossipMachine;
  private readonly log = new Logger('Gossip');
  private readonly streams: GossipStreams;
  private readonly users: UserMessageQueue;
  private readonly accepted = new Map<number, OpenRequest>();
  private readonly noticed = new Set<string>();
  private readonly waiting = new Map<string, (outcome: Outcome) => void>();
  private lastStream = 0;
  private timer: NodeJS.Timeout | undefined;
  private armedFor: MonoMs | undefined;
  private stopped = false;
  private congested = false;
  private congestionTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: GossipOptions,
    private readonly parts: GossipDriverParts,
  ) {
    this.machine = new GossipMachine(options, parts.random);
    const { transport, wire, delegate } = parts;
    this.streams = new GossipStreams(transport, wire, this.counters, options.streamTimeoutMs);
    this.users = new UserMessageQueue(delegate, this.counters);
  }

  /** Messages of the application that wait to be handled. */
  get userQueueDepth(): number {
    return this.users.depth;
  }

  /** Gives the machine something that happened, and does what it wants. */
  handle(input: GossipInput): void {
    if (this.stopped) return;
    const effects = this.machine.handle(input, this.parts.clock.monoNow());
    for (const effect of effects) this.perform(effect);
    if (!this.congested && this.isCongested()) this.waitForNetwork();
    this.arm();
  }

  private isCongested(): boolean {
    return this.parts.transport.backlogBytes() > BACKLOG_BYTES_MAX;
  }

  private waitForNetwork(): void {
    this.congested = true;
    this.counters.add('network.congestions');
    this.handle({ kind: 'congested', loops: GOSSIP_LOOPS });
    this.checkNetwork();
  }

  private checkNetwork(): void {
    this.congestionTimer = setTimeout(() => {
      if (this.isCongested()) return this.checkNetwork();
      this.congested = false;
      return this.handle({ kind: 'congested', loops: [] });
    }, CONGESTION_CHECK_MS);
  }

  /** Like `handle`, and resolves with the outcome that carries this key. */
  async request<K extends Outcome['kind']>(
    kind: K,
    key: number | string,
    input: GossipInput,
  ): Promise<Extract<Outcome, { kind: K }>> {
    const outcome = await new Promise<Outcome>((resolve) => {
      this.waiting.set(`${kind} ${key}`, resolve);
      this.handle(input);
    });
    if (!isKind(outcome, kind)) throw new Error(`expected ${kind}, got ${outcome.kind}`);
    return outcome;
  }

  /** A message over a stream, which either arrives or rejects. */
  sendReliable(to: Endpoint, payload: Uint8Array): Promise<void> {
    return this.streams.send(to, payload);
  }

  /** After this nothing happens any more. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.congestionTimer);
  }

  packet(bytes: Uint8Array, from: Endpoint): void {
    this.counters.add('packets.in');
    this.counters.add('bytes.in', bytes.length);
    if (!this.options.allowed.allows(from.addr))
      return this.counters.add('drop.address-not-allowed');
    const { messages, faults } = decodePacket(this.parts.wire, bytes);
    for (const fault of faults) this.counters.add(`fault.packet.${fault}`);
    if (messages.length > 0) this.handle({ kind: 'packet', from, messages });
    return undefined;
  }

  packetRefused(to: Endpoint): void {
    this.counters.add('packets.refused');
    this.handle({ kind: 'sendFailed', to });
  }

  stream(stream: GossipStream): void {
    this.counters.add('streams.in');
    if (!this.options.allowed.allows(stream.remote.addr)) {
      this.counters.add('drop.address-not-allowed');
      return stream.close();
    }
    void this.accept(stream);
    return undefined;
  }

  private async accept(stream: GossipStream): Promise<void> {
    try {
      const request = await this.streams.accept(stream);
      if (request === undefined) stream.close();
      else this.dispatch({ stream, label: request.label }, request.message);
    } catch {
      // The peer broke its own stream; there is nobody left to tell.
      this.counters.add('streams.broken');
      stream.close();
    }
  }

  private dispatch(open: OpenRequest, request: StreamMessage): void {
    const id = ++this.lastStream;
    switch (request.kind) {
      case 'pushPull':
        this.accepted.set(id, open);
        return this.handle({ ...request, kind: 'pushPull', stream: id });
      case 'ping':
        this.accepted.set(id, open);
        return this.handle({ kind: 'streamPing', stream: id, ping: request });
      case 'user':
        open.stream.close();
        return this.handle({ kind: 'streamUser', payload: request.payload });
      case 'ack':
      case 'error':
        this.counters.add('fault.stream.unsupported-type');
        return open.stream.close();
      default:
        return unreachable(request);
    }
  }

  private perform(effect: GossipEffect): void {
    switch (effect.kind) {
      case 'send':
        return this.send(effect.parts, effect.to, effect.checksum);
      case 'openPushPull':
        return void this.openPushPull(effect);
      case 'openPing':
        return void this.openPing(effect);
      case 'answerPushPull': {
        const userState = this.parts.delegate.localState(effect.join);
        return this.answer(effect.stream, { ...effect, kind: 'pushPull', userState });
      }
      case 'answerPing':
        return this.answer(effect.stream, effect.ack);
      case 'closeStream':
        return this.takeAccepted(effect.stream)?.stream.close();
      case 'user':
        return this.users.push(effect.payload, effect.reliable);
      case 'mergeUserState':
        return this.parts.delegate.mergeState(effect.bytes, effect.join);
      case 'event':
        return this.announce(effect.event);
      case 'dropped':
        return this.counters.add(`drop.${effect.reason}`);
      case 'notice':
        return this.notice(effect.notice, effect.node);
      case 'exchangeDone':
      case 'broadcastDone':
      case 'pingDone':
        return this.settle(effect);
      default:
        return unreachable(effect);
    }
  }

  private send(parts: readonly Uint8Array[], to: Endpoint, checksum: boolean): void {
    for (const message of packMessages(parts)) {
      const packet = encodePacket(this.parts.wire, message, checksum);
      this.counters.add('packets.out');
      this.counters.add('bytes.out', packet.length);
      this.parts.transport.send(packet, to);
    }
  }

  private async openPushPull(
    effect: Extract<GossipEffect, { kind: 'openPushPull' }>,
  ): Promise<void> {
    const { exchange, to, join, nodes } = effect;
    const userState = this.parts.delegate.localState(join);
    try {
      const reply = await this.streams.pushPull(to, { kind: 'pushPull', join, nodes, userState });
      this.handle({ ...reply, kind: 'pushPullReply', exchange });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.handle({ kind: 'exchangeFailed', exchange, error: reason });
    }
  }

  private async openPing(effect: Extract<GossipEffect, { kind: 'openPing' }>): Promise<void> {
    const { to, ping, deadline } = effect;
    const leftMs = Math.max(1, deadline - this.parts.clock.monoNow());
    let ok = false;
    try {
      const reply = await this.streams.exchange(to, ping, leftMs);
      ok = reply?.kind === 'ack' && reply.seq === ping.seq;
    } catch {
      // Not reachable over TCP either: the probe's deadline decides.
      this.counters.add('streams.ping-failed');
    }
    this.handle({ kind: 'pingReply', seq: ping.seq, ok });
  }

  private answer(id: number, message: StreamMessage): void {
    const open = this.takeAccepted(id);
    if (open === undefined) return;
    this.streams.answer(open, message).catch(() => {
      this.counters.add('streams.broken');
      open.stream.close();
    });
  }

  private takeAccepted(id: number): OpenRequest | undefined {
    const open = this.accepted.get(id);
    this.accepted.delete(id);
    return open;
  }

  private announce(event: MemberEvent): void {
    this.counters.add(`event.${event.kind}`);
    this.parts.delegate.event(event);
  }

  private notice(notice: NoticeKind, node: string): void {
    this.counters.add(`notice.${notice}`);
    const key = `${notice} ${node}`;
    if (this.noticed.has(key) || this.noticed.size >= NOTICED_MAX) return;
    this.noticed.add(key);
    this.log.warn(`${NOTICE_TEXTS[notice]}: ${node}`);
  }

  private settle(outcome: Outcome): void {
    const key = `${outcome.kind} ${keyOf(outcome)}`;
    const resolve = this.waiting.get(key);
    this.waiting.delete(key);
    resolve?.(outcome);
  }

  private arm(): void {
    const deadline = this.machine.nextDeadline();
    if (deadline === undefined || this.stopped) return;
    if (this.armedFor !== undefined && this.armedFor <= deadline) return;
    clearTimeout(this.timer);
    this.armedFor = deadline;
    const waitMs = Math.max(0, Math.ceil(deadline - this.parts.clock.monoNow()));
    this.timer = setTimeout(() => this.wake(deadline), waitMs);
  }

  /**
   * Waking late means that this process stood still. The machine is told at once; but it concludes
   * only after the packets that came meanwhile have been read, which the event loop does next.
   */
  private wake(deadline: MonoMs): void {
    this.armedFor = undefined;
    const lagMs = this.parts.clock.monoNow() - deadline;
    if (lagMs < this.options.probeTimeoutMs / 2) return this.handle({ kind: 'tick' });
    this.counters.add('loop.lags');
    this.armedFor = deadline;
    this.handle({ kind: 'lag', lagMs });
    setImmediate(() => {
      this.armedFor = undefined;
      this.handle({ kind: 'tick' });
    });
    return undefined;
  }
}

const NOTICE_TEXTS: Readonly<Record<NoticeKind, string>> = {
  conflict: 'a name is claimed from two addresses; give each replica its own name',
  'udp-blocked': 'answers over TCP but not over UDP; open UDP on its gossip port',
  'source-differs': 'sends from another address than it advertises; set its advertised address',
  refuted: 'had to object to a suspicion about itself; it or its network is slow',
};

const keyOf = (outcome: Outcome): number | string =>
  outcome.kind === 'exchangeDone' ? outcome.exchange : outcome.token;

function isKind<K extends Outcome['kind']>(
  outcome: Outcome,
  kind: K,
): outcome is Extract<Outcome, { kind: K }> {
  return outcome.kind === kind;
}
