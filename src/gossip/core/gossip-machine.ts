/**
 * SWIM with Lifeguard's three parts as one machine: what happens goes in, what to do comes out, and
 * `nextDeadline` says when to call again. It reads no clock, opens no socket and draws no chance but
 * from the `Random` it was given, so a simulation runs the same code as a cluster.
 *
 * The files beside it hold one idea each: three rules (alive, suspect, dead), the probe cycle, the
 * relay desk, the gossip round, the exchange desk. This one only says which of them gets what.
 */
import { unreachable } from '../../common/assert.js';
import type { Random } from '../../common/random.js';
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';
import { applyAlive } from './alive-rule.js';
import { ClusterState, viewOf } from './cluster-state.js';
import { applyDead } from './dead-rule.js';
import type { Endpoint } from './endpoint.js';
import { ExchangeDesk } from './exchange-desk.js';
import type { GossipEffect } from './gossip-effect.js';
import type { GossipInput, GossipLoop } from './gossip-input.js';
import type { GossipOptions } from './gossip-options.js';
import { GossipRound } from './gossip-round.js';
import type { MemberView } from './member-event.js';
import { takesChecksums } from './member.js';
import { encodeMessage } from './message-encoder.js';
import type { Ack, PacketMessage, Ping } from './messages.js';
import { PingDesk } from './ping-desk.js';
import { ProbeCycle } from './probe-cycle.js';
import { RelayDesk } from './relay-desk.js';
import { applySuspect, expireSuspicions } from './suspect-rule.js';

/** What has a rhythm, from the moment of the start. */
interface Clockwork {
  readonly probes: ProbeCycle;
  readonly round: GossipRound;
  readonly exchanges: ExchangeDesk;
}

export class GossipMachine {
  private readonly state: ClusterState;
  private readonly relays: RelayDesk;
  private readonly pings: PingDesk;
  private clockwork: Clockwork | undefined;
  private stuck: ReadonlySet<GossipLoop> = new Set();
  private stuckSince: MonoMs | undefined;

  constructor(options: GossipOptions, random: Random) {
    this.state = new ClusterState(options, random);
    this.relays = new RelayDesk(this.state);
    this.pings = new PingDesk(this.state);
  }

  /** The effects are in the order to perform them. */
  handle(input: GossipInput, now: MonoMs): readonly GossipEffect[] {
    if (input.kind === 'start') this.start(now);
    else if (this.clockwork !== undefined) this.dispatch(input, this.clockwork, now);
    return this.state.takeEffects();
  }

  /** When `tick` is due, at the latest. All deadlines of the machine are named here. */
  nextDeadline(): MonoMs | undefined {
    if (this.clockwork === undefined) return undefined;
    let earliest = this.loopDeadline(this.clockwork);
    for (const { deadline } of this.state.suspicions.values()) {
      earliest = Math.min(earliest, deadline);
    }
    return earliest === Infinity ? undefined : monoMs(earliest);
  }

  private loopDeadline({ probes, round, exchanges }: Clockwork): number {
    const of = (loop: GossipLoop, ...deadlines: readonly (MonoMs | undefined)[]): number =>
      this.stuck.has(loop) ? Infinity : Math.min(...deadlines.map((each) => each ?? Infinity));
    return Math.min(
      of('probes', probes.deadline),
      of('relays', this.relays.deadline, this.pings.deadline),
      of('news', round.deadline),
      of('exchanges', exchanges.deadline),
    );
  }

  members(): readonly MemberView[] {
    return this.state.table.list().map(viewOf);
  }

  member(name: string): MemberView | undefined {
    const member = this.state.table.get(name);
    return member === undefined ? undefined : viewOf(member);
  }

  /** How much this node doubts itself; 0 is healthy. */
  get healthScore(): number {
    return this.state.awareness.score;
  }

  /** Messages waiting to be spread, about members and of the application. */
  get queued(): number {
    return this.state.queue.length + this.state.userQueue.length;
  }

  private start(now: MonoMs): void {
    const { state } = this;
    if (this.clockwork !== undefined) return;
    this.clockwork = {
      probes: new ProbeCycle(state, now),
      round: new GossipRound(state, now),
      exchanges: new ExchangeDesk(state, now),
    };
    const { name: node, advertise, meta, vsn, firstIncarnation: incarnation } = state.options;
    const alive = { kind: 'alive', node, incarnation, ...advertise, vsn } as const;
    applyAlive(state, meta === undefined ? alive : { ...alive, meta }, { kind: 'self' }, now);
  }

  private dispatch(
    input: Exclude<GossipInput, { kind: 'start' }>,
    { probes, exchanges }: Clockwork,
    now: MonoMs,
  ): void {
    switch (input.kind) {
      case 'tick':
        return this.tick(now);
      case 'lag':
        return this.lag(input.lagMs, now);
      case 'congested':
        return this.congestion(input.loops, now);
      case 'packet':
        return this.packet(input.messages, input.from, now);
      case 'sendFailed':
        return probes.sendFailed(input.to);
      case 'pushPull':
        return exchanges.answer(input.stream, input, now);
      case 'streamPing':
        return this.streamPing(input.stream, input.ping);
      case 'streamUser':
        return this.state.emit({ kind: 'user', payload: input.payload, reliable: true });
      case 'pushPullReply':
        return exchanges.finish(input.exchange, input, now);
      case 'exchangeFailed':
        return exchanges.fail(input.exchange, input.error);
      case 'pingReply':
        return probes.streamReply(input.seq, input.ok);
      case 'join':
        return exchanges.begin(input.exchange, input.to, true);
      case 'update':
        return this.update(input.meta, input.token, now);
      case 'leave':
        return this.leave(input.token, now);
      case 'broadcast':
        return this.broadcast(input.name, input.payload);
      case 'sendTo':
        return this.sendTo(input.node, input.payload);
      case 'ping':
        return this.pings.ping(input.token, input.node, now);
      default:
        return unreachable(input);
    }
  }

  /** What cannot leave the host is not sent, so that silence is not taken for an answer to it. */
  private tick(now: MonoMs): void {
    expireSuspicions(this.state, now);
    if (!this.stuck.has('relays')) {
      this.relays.tick(now);
      this.pings.tick(now);
    }
    if (!this.stuck.has('probes')) this.clockwork?.probes.tick(now);
    if (!this.stuck.has('news')) this.clockwork?.round.tick(now);
    if (!this.stuck.has('exchanges')) this.clockwork?.exchanges.tick(now);
  }

  /** The ping that got stuck leaves only now: for us it was a pause like any other. */
  private congestion(loops: readonly GossipLoop[], now: MonoMs): void {
    const since = this.stuckSince ?? now;
    this.stuck = new Set(loops);
    this.stuckSince = loops.length === 0 ? undefined : since;
    if (loops.length === 0) this.lag(now - since, now);
  }

  /**
   * Our own pause is not others' silence: we doubt ourselves before they do, and give a round trip
   * to whoever would be accused or buried for what we did not hear.
   */
  private lag(lagMs: number, now: MonoMs): void {
    if (!this.state.awareness.isOn) return;
    const { probeTimeoutMs, probeIntervalMs } = this.state.options;
    if (lagMs < probeTimeoutMs / 2) return;
    this.state.awareness.add(1 + Math.floor(lagMs / probeIntervalMs));
    const graceEnd = monoMs(now + probeTimeoutMs);
    this.clockwork?.probes.notBefore(graceEnd);
    for (const suspicion of this.state.suspicions.values()) suspicion.notBefore(graceEnd);
  }

  /** Who is alive is taken in first, so that the rest of the packet finds its members. */
  private packet(messages: readonly PacketMessage[], from: Endpoint, now: MonoMs): void {
    for (const message of messages) {
      if (message.kind === 'alive') applyAlive(this.state, message, { kind: 'packet', from }, now);
    }
    for (const message of messages) {
      if (message.kind !== 'alive') this.message(message, from, now);
    }
  }

  private message(
    message: Exclude<PacketMessage, { kind: 'alive' }>,
    from: Endpoint,
    now: MonoMs,
  ): void {
    switch (message.kind) {
      case 'ping':
        return this.pong(message, from);
      case 'indirectPing':
        return this.relays.relay(message, from, now);
      case 'ack':
        return this.ack(message, now);
      case 'nack':
        if (this.clockwork?.probes.nack(message.seq) !== true) this.state.drop('unknown-ack');
        return undefined;
      case 'suspect':
        return applySuspect(this.state, message, now);
      case 'dead':
        return applyDead(this.state, message, now);
      case 'user':
        return this.state.emit({ kind: 'user', payload: message.payload, reliable: false });
      default:
        return unreachable(message);
    }
  }

  private isForUs(ping: Ping): boolean {
    return ping.node === '' || ping.node === this.state.options.name;
  }

  private pong(ping: Ping, from: Endpoint): void {
    const { state } = this;
    if (!this.isForUs(ping)) return state.drop('ping-for-another');
    this.checkSource(ping, from);
    const { ackPayload } = state.options;
    const payload = ackPayload === undefined ? {} : { payload: ackPayload };
    state.sendWithNews(ping.source ?? from, { kind: 'ack', seq: ping.seq, ...payload });
  }

  /** One that sends from elsewhere than it advertises will be unreachable for some: tell the operator. */
  private checkSource({ source }: Ping, from: Endpoint): void {
    if (source === undefined || source.name === '') return;
    const same = source.port === from.port && sameTail(source.addr, from.addr);
    if (!same) this.state.notice('source-differs', source.name);
  }

  private ack(ack: Ack, now: MonoMs): void {
    const taken =
      this.clockwork?.probes.ack(ack.seq, now) === true ||
      this.relays.ack(ack.seq) ||
      this.pings.ack(ack, now);
    if (!taken) this.state.drop('unknown-ack');
  }

  private streamPing(stream: number, ping: Ping): void {
    if (!this.isForUs(ping)) return this.state.emit({ kind: 'closeStream', stream });
    return this.state.emit({ kind: 'answerPing', stream, ack: { kind: 'ack', seq: ping.seq } });
  }

  private update(meta: Uint8Array | undefined, token: string | undefined, now: MonoMs): void {
    const { state } = this;
    const { meta: _, ...own } = state.ownAlive();
    const alive = { ...own, incarnation: own.incarnation + 1, ...(meta ? { meta } : {}) };
    const waits = state.table.hasLivePeer() && token !== undefined;
    applyAlive(state, alive, { kind: 'self', ...(waits ? { token } : {}) }, now);
    if (!waits && token !== undefined) state.emit({ kind: 'broadcastDone', token });
  }

  private leave(token: string, now: MonoMs): void {
    const { state } = this;
    const { name: node, incarnation } = state.self;
    const waits = !state.leaving && state.table.hasLivePeer();
    state.leaving = true;
    const dead = { kind: 'dead', node, incarnation, from: node } as const;
    applyDead(state, dead, now, waits ? token : undefined);
    if (!waits) state.emit({ kind: 'broadcastDone', token });
  }

  private broadcast(name: string, payload: Uint8Array): void {
    this.state.userQueue.add({ name, message: encodeMessage({ kind: 'user', payload }) });
  }

  private sendTo(node: string, payload: Uint8Array): void {
    const to = this.state.table.get(node);
    if (to === undefined) return this.state.drop('unknown-member');
    const parts = [encodeMessage({ kind: 'user', payload })];
    return this.state.emit({ kind: 'send', to, parts, checksum: takesChecksums(to) });
  }
}

/** Equal up to the form: sockets give 4 bytes where the wire may have 16. */
function sameTail(a: Uint8Array, b: Uint8Array): boolean {
  const tail = a.slice(-4);
  return b.slice(-4).every((byte, index) => byte === tail[index]);
}
