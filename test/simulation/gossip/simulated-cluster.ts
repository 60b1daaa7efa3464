/**
 * Many machines under one virtual clock. Packets take time, get lost, are cut one way; members pause,
 * die and restart; clocks run fast or slow. A run is its seed: the same seed gives the same run.
 */
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { monoMs } from '../../../src/common/time.js';
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES } from '../../../src/gossip/core/compound.js';
import type { Endpoint } from '../../../src/gossip/core/endpoint.js';
import type { GossipEffect } from '../../../src/gossip/core/gossip-effect.js';
import type { GossipInput, GossipLoop } from '../../../src/gossip/core/gossip-input.js';
import { GossipMachine } from '../../../src/gossip/core/gossip-machine.js';
import { DEFAULT_VSN, type GossipOptions } from '../../../src/gossip/core/gossip-options.js';
import type { MemberEventKind } from '../../../src/gossip/core/member-event.js';
import { MessageType } from '../../../src/gossip/core/message-type.js';
import { decodeMessage } from '../../../src/gossip/core/message-decoder.js';
import type { PacketMessage } from '../../../src/gossip/core/messages.js';
import { EventHeap } from './event-heap.js';
import { optionsFor } from './machine-kit.js';
import type { SharedCpu } from './shared-cpu.js';

export interface Network {
  /** Of packets. */
  readonly loss: number;
  readonly delayMs: (random: SeededRandom) => number;
  /** How far a member's clock may be fast or slow: 0.1 is a tenth. */
  readonly driftShare?: number;
}

export interface Observed {
  readonly at: number;
  readonly observer: number;
  readonly about: number;
  readonly kind: MemberEventKind;
}

type Held = () => void;

interface Node {
  readonly index: number;
  machine: GossipMachine;
  up: boolean;
  /** Everything to and from it waits; its timers go on. */
  blocked: boolean;
  held: Held[];
  /** Loops whose sends block. */
  readonly stuck: Set<GossipLoop>;
  /** Local milliseconds for each real one. */
  readonly rate: number;
  wakeAt: number;
}

export class SimulatedCluster {
  now = 0;
  packets = 0;
  bytes = 0;
  readonly events: Observed[] = [];
  readonly nodes: Node[] = [];
  /** True if what `from` sends does not reach `to`. */
  cuts: (from: number, to: number) => boolean = () => false;
  /** A probe of a member that is held back blocks until it is released, as in the real program. */
  blocksSenders = true;
  /** Absent: every member has all the time it needs. */
  cpu: SharedCpu | undefined;
  private readonly queue = new EventHeap();
  private readonly random: SeededRandom;
  /** Decoded once for all who receive them: messages are values. */
  private readonly decoded = new WeakMap<Uint8Array, PacketMessage>();

  constructor(
    count: number,
    private readonly options: Partial<GossipOptions>,
    private readonly network: Network,
    private readonly seed: number,
  ) {
    const driftShare = network.driftShare ?? 0;
    this.random = new SeededRandom(seed);
    for (let index = 0; index < count; index++) {
      const rate = 1 + driftShare * (2 * this.random.fraction() - 1);
      const machine = this.machineFor(index, 1);
      this.nodes.push({
        index,
        machine,
        up: true,
        blocked: false,
        held: [],
        stuck: new Set(),
        rate,
        wakeAt: Infinity,
      });
    }
  }

  static nameOf(index: number): string {
    return `n${index}`;
  }

  static indexOf(name: string): number {
    return Number(name.slice(1));
  }

  /** Starts everybody; all know all, and nobody has anything left to tell, as after a long quiet time. */
  startKnown(): void {
    const everybody: readonly PacketMessage[] = this.nodes.map(({ index }) => ({
      kind: 'alive',
      node: SimulatedCluster.nameOf(index),
      incarnation: 1,
      ...addressOf(index),
      vsn: DEFAULT_VSN,
    }));
    for (const node of this.nodes) this.give(node, { kind: 'start' });
    for (const node of this.nodes) {
      // A few at a time: what is queued is looked through for each packet.
      for (let first = 0; first < everybody.length; first += 16) {
        const messages = everybody.slice(first, first + 16);
        this.give(node, { kind: 'packet', from: addressOf(0), messages }, false);
        this.hush(node);
      }
    }
  }

  /** Pings whose answers nobody hears: they carry its news away. */
  private hush(node: Node): void {
    const ping = { kind: 'ping', seq: 1, node: SimulatedCluster.nameOf(node.index) } as const;
    const packet = { kind: 'packet', from: addressOf(0), messages: [ping] } as const;
    while (node.machine.queued > 0) this.give(node, packet, false);
  }

  /** Starts everybody alone; each joins the first. */
  startJoining(spreadMs: number): void {
    for (const node of this.nodes) {
      // The first is there before anybody calls it.
      this.at(node.index === 0 ? 0 : 1 + this.random.fraction() * spreadMs, () => {
        this.give(node, { kind: 'start' });
        if (node.index > 0) this.join(node.index, 0);
      });
    }
  }

  join(index: number, seedIndex: number): void {
    this.give(this.node(index), { kind: 'join', exchange: index + 1, to: addressOf(seedIndex) });
  }

  /** Runs until that much virtual time has passed. */
  run(ms: number): void {
    const end = this.now + ms;
    for (
      let next = this.queue.peek();
      next !== undefined && next <= end;
      next = this.queue.peek()
    ) {
      this.now = next;
      this.queue.pop()?.();
    }
    this.now = end;
  }

  at(delayMs: number, action: () => void): void {
    this.queue.push(this.now + delayMs, action);
  }

  node(index: number): Node {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  give(node: Node, input: GossipInput, perform = true): void {
    if (!node.up) return;
    const effects = node.machine.handle(input, this.localNow(node));
    for (const effect of effects) if (perform) this.perform(node, effect);
    this.arm(node);
  }

  block(index: number): void {
    this.node(index).blocked = true;
  }

  release(index: number): void {
    const node = this.node(index);
    node.blocked = false;
    node.stuck.clear();
    for (const action of node.held.splice(0)) action();
    this.give(node, { kind: 'congested', loops: [] });
  }

  crash(index: number): void {
    const node = this.node(index);
    node.up = false;
    node.held = [];
  }

  /** Comes back under the same name and address, remembering nothing. */
  restart(index: number, seedIndex: number, firstIncarnation = 1): void {
    const node = this.node(index);
    node.machine = this.machineFor(index, firstIncarnation);
    node.up = true;
    node.wakeAt = Infinity;
    this.give(node, { kind: 'start' });
    this.join(index, seedIndex);
  }

  stateSeen(observer: number, about: number): string {
    return this.node(observer).machine.member(SimulatedCluster.nameOf(about))?.state ?? 'unknown';
  }

  private machineFor(index: number, firstIncarnation: number): GossipMachine {
    const options = optionsFor(SimulatedCluster.nameOf(index), {
      ...this.options,
      advertise: addressOf(index),
      firstIncarnation,
    });
    const seed = Math.imul(this.seed, 7_919) + index * 31 + firstIncarnation;
    return new GossipMachine(options, new SeededRandom(seed));
  }

  private localNow(node: Node) {
    return monoMs(this.now * node.rate);
  }

  private arm(node: Node): void {
    const deadline = node.machine.nextDeadline();
    if (deadline === undefined) return;
    // A nanosecond late, or rounding of a drifting clock would wake it for ever just too early.
    const wakeAt = Math.max(this.now, deadline / node.rate + 1e-6);
    if (wakeAt >= node.wakeAt) return;
    node.wakeAt = wakeAt;
    const { machine } = node;
    this.queue.push(wakeAt, () => {
      if (node.wakeAt !== wakeAt || node.machine !== machine) return;
      this.work(this.cpu?.costs.messageMs, () => {
        if (node.wakeAt !== wakeAt || node.machine !== machine) return;
        node.wakeAt = Infinity;
        this.give(node, { kind: 'tick' });
      });
    });
  }

  private perform(node: Node, effect: GossipEffect): void {
    if (effect.kind === 'send') this.send(node, effect.to, effect.parts);
    else if (effect.kind === 'openPushPull') this.pushPull(node, effect);
    else if (effect.kind === 'openPing') this.streamPing(node, effect);
    else if (effect.kind === 'event')
      this.observe(node, effect.event.kind, effect.event.member.name);
  }

  private observe(node: Node, kind: MemberEventKind, name: string): void {
    const about = SimulatedCluster.indexOf(name);
    this.events.push({ at: this.now, observer: node.index, about, kind });
  }

  private send(from: Node, to: Endpoint, parts: readonly Uint8Array[]): void {
    const target = this.nodes[indexOfAddress(to)];
    if (target === undefined) return;
    this.packets++;
    this.bytes += packetBytes(parts);
    const lost = this.random.fraction() < this.network.loss;
    const take = (): void => {
      const messages = parts.map((part) => this.decode(part));
      this.give(target, { kind: 'packet', from: addressOf(from.index), messages });
    };
    const deliver = (): void => this.work(this.receiveMs(parts.length), take);
    this.work(this.cpu?.costs.sendMs, () => this.travel(from, target, deliver, lost));
    this.stick(from, loopOf(parts));
  }

  private receiveMs(messages: number): number | undefined {
    const costs = this.cpu?.costs;
    return costs && costs.receiveMs + messages * costs.messageMs;
  }

  /** Done at once where work costs nothing, else when a core has had the time for it. */
  private work(costMs: number | undefined, action: () => void): void {
    if (this.cpu === undefined || costMs === undefined) action();
    else this.at(this.cpu.delayMs(this.now, costMs), action);
  }

  /** A send that blocks stops the loop that sent, and no other. */
  private stick(from: Node, loop: GossipLoop | undefined): void {
    if (!from.blocked || !this.blocksSenders || loop === undefined || from.stuck.has(loop)) return;
    from.stuck.add(loop);
    this.give(from, { kind: 'congested', loops: [...from.stuck] });
  }

  /** Out of the sender, over the wire, into the receiver; each may hold it back. */
  private travel(from: Node, to: Node, deliver: () => void, lost = false): void {
    const arrive = (): void => {
      if (!to.up) return;
      if (to.blocked) to.held.push(deliver);
      else deliver();
    };
    const leave = (): void => {
      if (lost || this.cuts(from.index, to.index)) return;
      this.at(this.network.delayMs(this.random), arrive);
    };
    if (from.blocked) from.held.push(leave);
    else leave();
  }

  private decode(part: Uint8Array): PacketMessage {
    const known = this.decoded.get(part);
    if (known !== undefined) return known;
    const message = decodeMessage(part);
    this.decoded.set(part, message);
    return message;
  }

  /** Streams lose nothing; a cut or a crash is a failure of the exchange after a time-out. */
  private pushPull(from: Node, effect: Extract<GossipEffect, { kind: 'openPushPull' }>): void {
    const target = this.nodes[indexOfAddress(effect.to)];
    const { exchange, nodes, join } = effect;
    const userState = new Uint8Array(0);
    const isCut =
      target === undefined ||
      !target.up ||
      this.cuts(from.index, target.index) ||
      this.cuts(target.index, from.index);
    this.stick(from, 'exchanges');
    if (isCut) {
      return this.at(1_000, () =>
        this.give(from, { kind: 'exchangeFailed', exchange, error: 'cut' }),
      );
    }
    return this.travel(from, target, () => {
      if (!target.up) return;
      const input = { kind: 'pushPull', stream: 1, join, nodes, userState } as const;
      const effects = target.machine.handle(input, this.localNow(target));
      for (const each of effects) {
        if (each.kind !== 'answerPushPull') {
          this.perform(target, each);
          continue;
        }
        const reply = { kind: 'pushPullReply', exchange, nodes: each.nodes, userState } as const;
        this.travel(target, from, () => this.give(from, reply));
      }
      this.arm(target);
    });
  }

  private streamPing(from: Node, effect: Extract<GossipEffect, { kind: 'openPing' }>): void {
    const target = this.nodes[indexOfAddress(effect.to)];
    const { seq } = effect.ping;
    if (target === undefined || !target.up) return;
    if (this.cuts(from.index, target.index) || this.cuts(target.index, from.index)) return;
    this.travel(from, target, () => {
      if (!target.up) return;
      this.travel(target, from, () => this.give(from, { kind: 'pingReply', seq, ok: true }));
    });
  }
}

const PORT = 7_946;

export const addressOf = (index: number): Endpoint => ({
  addr: Uint8Array.of(10, 0, index >>> 8, index & 0xff),
  port: PORT,
});

const indexOfAddress = ({ addr }: Endpoint): number => ((addr[2] ?? 0) << 8) | (addr[3] ?? 0);

/** Acks and nacks are sent by whoever got a packet, or a timer of its own: no loop waits for them. */
function loopOf(parts: readonly Uint8Array[]): GossipLoop | undefined {
  const type = parts[0]?.[0];
  if (type === MessageType.PING || type === MessageType.INDIRECT_PING) return 'probes';
  return type === MessageType.ACK || type === MessageType.NACK ? undefined : 'news';
}

/** As it would be on the wire, without compression and checksum. */
function packetBytes(parts: readonly Uint8Array[]): number {
  const sum = parts.reduce((total, part) => total + part.length, 0);
  return parts.length === 1
    ? sum
    : sum + COMPOUND_HEADER_BYTES + COMPOUND_PART_BYTES * parts.length;
}
