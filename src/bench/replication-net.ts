/**
 * Replicas that count together in one process, under a clock of their own: the real machine, the real engine
 * and the real codec each, and wires that take a millisecond. What goes over them is counted.
 */
import type { ConnectRequest, ConnectResponse } from '../cluster/core/peer-message.js';
import type { ReplicationEffect } from '../cluster/core/replication-effect.js';
import type { ReplicationInput, StreamId } from '../cluster/core/replication-input.js';
import { ReplicationMachine } from '../cluster/core/replication-machine.js';
import { REPLICATION_DEFAULTS } from '../cluster/core/replication-options.js';
import { requestToProto, responseToProto } from '../cluster/peer-proto.js';
import { SeededRandom } from '../common/seeded-random.js';
import { monoMs, wallMs } from '../common/time.js';
import { ReplicatedCounterEngine } from '../counters/replicated-counter-engine.js';
import {
  ConnectRequest as RequestProto,
  ConnectResponse as ResponseProto,
} from '../gen/weir/peer/v1/peer_service.js';
import { counterOf, demandOf, NOW } from './counter-load.js';

const KEY = { k0: 11, k1: 22 };
const WAY_MS = 1;

/** What all replicas together have sent over one kind of wire. */
export interface WireTally {
  deltas: number;
  deltaBytes: number;
  answers: number;
  answerBytes: number;
}

export interface NetShape {
  readonly regions: number;
  /** In each region. */
  readonly replicas: number;
  readonly counters: number;
}

interface Node {
  readonly id: string;
  readonly region: string;
  readonly engine: ReplicatedCounterEngine;
  readonly machine: ReplicationMachine;
  /** Whom a stream leads to, and what it is called there. */
  readonly ends: Map<StreamId, { readonly node: Node; readonly stream: StreamId }>;
  accepted: number;
}

export class ReplicationNet {
  /** Between replicas of one region. */
  readonly within: WireTally = { deltas: 0, deltaBytes: 0, answers: 0, answerBytes: 0 };
  /** Between the relays of two. */
  readonly between: WireTally = { ...this.within };
  private readonly nodes: readonly Node[];
  private nowMs = 0;
  private underWay: { readonly dueMs: number; readonly node: Node; input: ReplicationInput }[] = [];

  constructor(private readonly shape: NetShape) {
    const { regions, replicas, counters } = shape;
    this.nodes = Array.from({ length: regions * replicas }, (_, n) =>
      nodeOf({ id: `r${n}`, region: `region-${n % regions}` }, counters * 2, regions * replicas),
    );
    for (const node of this.nodes) {
      this.give(node, { kind: 'start' });
      for (const { id, region } of this.nodes)
        if (id !== node.id) this.give(node, { kind: 'memberAlive', member: { id, region } });
    }
  }

  /** Every replica counts one in each counter. */
  count(): void {
    for (const { engine } of this.nodes)
      for (let i = 0; i < this.shape.counters; i++)
        engine.take([demandOf(counterOf(i, 'sliding window'))], this.wall());
  }

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs += WAY_MS;
      const due = this.underWay.filter(({ dueMs }) => dueMs <= this.nowMs);
      this.underWay = this.underWay.filter(({ dueMs }) => dueMs > this.nowMs);
      for (const { node, input } of due) this.give(node, input);
      for (const node of this.nodes)
        if ((node.machine.nextDeadline() ?? Number.POSITIVE_INFINITY) <= this.nowMs)
          this.give(node, { kind: 'tick' });
    }
  }

  /** Of the counter with that number, as each replica sees it. */
  counted(counter: number): readonly number[] {
    const demand = demandOf(counterOf(counter, 'sliding window'));
    return this.nodes.map(({ engine }) => engine.read([demand], this.wall())[0]?.counted ?? 0);
  }

  /** Of one replica, for all that it counts and has heard. */
  get engineBytes(): number {
    return Math.max(...this.nodes.map(({ engine }) => engine.stats().bytes));
  }

  private give(node: Node, input: ReplicationInput): void {
    const now = { wall: this.wall(), mono: monoMs(this.nowMs) };
    for (const effect of node.machine.handle(input, now)) this.perform(node, effect);
  }

  private perform(node: Node, effect: ReplicationEffect): void {
    if (effect.kind === 'open') this.open(node, effect.stream, effect.peerId);
    if (effect.kind !== 'send') return;
    const end = node.ends.get(effect.stream);
    if (end === undefined) return;
    this.weigh(effect.message, node.region === end.node.region ? this.within : this.between);
    this.later(end.node, { kind: 'message', stream: end.stream, message: effect.message });
  }

  private open(node: Node, stream: StreamId, peerId: string): void {
    const peer = this.nodes.find(({ id }) => id === peerId);
    if (peer === undefined) throw new Error(`nobody is called ${peerId}`);
    const accepted = --peer.accepted;
    node.ends.set(stream, { node: peer, stream: accepted });
    peer.ends.set(accepted, { node, stream });
    this.later(peer, { kind: 'accepted', stream: accepted });
    this.later(node, { kind: 'opened', stream });
  }

  private later(node: Node, input: ReplicationInput): void {
    this.underWay.push({ dueMs: this.nowMs + WAY_MS, node, input });
  }

  private weigh(message: ConnectRequest | ConnectResponse, tally: WireTally): void {
    if (isRequest(message)) {
      tally.deltas += 1;
      tally.deltaBytes += RequestProto.encode(requestToProto(message)).finish().length;
    } else {
      tally.answers += 1;
      tally.answerBytes += ResponseProto.encode(responseToProto(message)).finish().length;
    }
  }

  private wall() {
    return wallMs(NOW + this.nowMs);
  }
}

const ANSWERS: readonly string[] = ['welcome', 'refusal', 'ack', 'state', 'holdChanged'];

const isRequest = (message: ConnectRequest | ConnectResponse): message is ConnectRequest =>
  !ANSWERS.includes(message.kind);

function nodeOf(
  { id, region }: Pick<Node, 'id' | 'region'>,
  liveMax: number,
  sources: number,
): Node {
  const self = { replicaId: id, bootId: 'b1', region };
  const limits = { liveMax, entriesMax: liveMax * sources };
  const engine = new ReplicatedCounterEngine(limits, KEY, self);
  const settings = new Map<string, string>();
  const options = { ...REPLICATION_DEFAULTS, cluster: 'bench', self, settings };
  const machine = new ReplicationMachine(options, engine.store, new SeededRandom(1));
  return { id, region, engine, machine, ends: new Map(), accepted: 0 };
}
