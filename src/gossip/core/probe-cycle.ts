/**
 * Asks one member after the other whether it is alive. A ping; without an ack in time, some others
 * are asked to ping it for us and it is called over TCP; without any answer until the deadline we
 * suspect it. One probe at a time; a tick that falls into a running probe starts the next at its end.
 *
 * Source: SWIM (2002) section 3.1; Lifeguard (2017), Local Health Aware Probe, Nack and Buddy System.
 */
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import { sameEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { takesChecksums, takesNacks, takesStreamPings } from './member.js';
import type { Member } from './member.js';
import { encodeMessage } from './message-encoder.js';
import type { Ping } from './messages.js';
import { pickRandom } from './random-members.js';
import { applySuspect } from './suspect-rule.js';
import { Ticker } from './ticker.js';

interface Probe {
  readonly ping: Ping;
  readonly target: Member;
  /** At the start: an accusation must not hit an incarnation that we did not probe. */
  readonly incarnation: number;
  readonly startedAt: MonoMs;
  askOthersAt: MonoMs;
  deadline: MonoMs;
  askedOthers: boolean;
  nacksWanted: number;
  nacksReceived: number;
  answeredByStream: boolean;
}

export class ProbeCycle {
  private running: Probe | undefined;
  private tickWaiting = false;
  private readonly ticker: Ticker;

  constructor(
    private readonly state: ClusterState,
    startAt: MonoMs,
  ) {
    this.ticker = new Ticker(state.options.probeIntervalMs, startAt, state.random);
  }

  get deadline(): MonoMs {
    const { running } = this;
    if (running === undefined) return this.ticker.deadline;
    const step = running.askedOthers ? running.deadline : running.askOthersAt;
    return monoMs(Math.min(step, running.deadline, this.ticker.deadline));
  }

  tick(now: MonoMs): void {
    const { running } = this;
    if (running !== undefined && !running.askedOthers && now >= running.askOthersAt) {
      this.askOthers(running);
    }
    if (running !== undefined && now >= running.deadline) this.conclude(running, now);
    if (!this.ticker.isDue(now)) return;
    if (this.running === undefined) this.begin(now);
    else this.tickWaiting = true;
  }

  /** Was this ack for the running probe, and in time? */
  ack(seq: number, now: MonoMs): boolean {
    const { running } = this;
    if (running?.ping.seq !== seq || now > running.deadline) return false;
    if (!running.askedOthers) running.target.rttMs = now - running.startedAt;
    this.succeed(running, now);
    return true;
  }

  nack(seq: number): boolean {
    if (this.running?.ping.seq !== seq) return false;
    this.running.nacksReceived++;
    return true;
  }

  /** Counts only at the deadline: until then an answer over UDP would be the better news. */
  streamReply(seq: number, ok: boolean): void {
    if (this.running?.ping.seq === seq && ok) this.running.answeredByStream = true;
  }

  /** The network itself says that nobody is there: no use waiting for the time-out. */
  sendFailed(to: Endpoint): void {
    const { running } = this;
    if (running === undefined || running.askedOthers) return;
    if (sameEndpoint(running.target, to)) this.askOthers(running);
  }

  /** Lets a running probe see the answers that came while we were not running. */
  notBefore(at: MonoMs): void {
    if (this.running !== undefined && this.running.deadline < at) this.running.deadline = at;
  }

  private begin(now: MonoMs): void {
    const { state } = this;
    const target = state.table.nextToProbe(() => this.reap(now));
    if (target === undefined) return;
    const ping: Ping = {
      kind: 'ping',
      seq: state.nextSeq(),
      node: target.name,
      source: state.source,
    };
    this.running = {
      ping,
      target,
      incarnation: target.incarnation,
      startedAt: now,
      askOthersAt: monoMs(now + state.options.probeTimeoutMs),
      deadline: monoMs(now + state.awareness.scale(state.options.probeIntervalMs)),
      askedOthers: false,
      nacksWanted: 0,
      nacksReceived: 0,
      answeredByStream: false,
    };
    this.send(this.running);
  }

  /** A suspect is told with the ping itself, so that its objection comes with the next news. */
  private send({ ping, target, incarnation }: Probe): void {
    const { state } = this;
    if (target.state !== 'suspect' || !state.options.buddySystem) {
      return state.sendWithNews(target, ping);
    }
    const from = state.options.name;
    const suspect = encodeMessage({ kind: 'suspect', node: target.name, incarnation, from });
    const parts = [encodeMessage(ping), suspect];
    state.emit({ kind: 'send', to: target, parts, checksum: takesChecksums(target) });
  }

  private askOthers(probe: Probe): void {
    const { state } = this;
    const { target, ping } = probe;
    probe.askedOthers = true;
    const relays = pickRandom(
      state.table.list(),
      state.options.indirectChecks,
      state.random,
      (member) => member.state === 'alive' && member !== target && !state.isSelf(member.name),
    );
    const { addr, port } = target;
    for (const relay of relays) {
      const nack = takesNacks(relay);
      if (nack) probe.nacksWanted++;
      state.sendWithNews(relay, { ...ping, kind: 'indirectPing', target: { addr, port }, nack });
    }
    if (!state.options.streamPings || !takesStreamPings(target)) return;
    state.emit({ kind: 'openPing', to: { addr, port }, ping, deadline: probe.deadline });
  }

  private conclude(probe: Probe, now: MonoMs): void {
    const { state } = this;
    const { target, incarnation } = probe;
    if (probe.answeredByStream) {
      state.notice('udp-blocked', target.name);
      return this.succeed(probe, now);
    }
    // Relays that sent a nack hear us; those that did not may mean that we are the deaf one.
    const missed = probe.nacksWanted - probe.nacksReceived;
    state.awareness.add(probe.nacksWanted > 0 ? Math.max(0, missed) : 1);
    const from = state.options.name;
    applySuspect(state, { kind: 'suspect', node: target.name, incarnation, from }, now);
    this.finish(now);
  }

  private succeed({ target }: Probe, now: MonoMs): void {
    this.state.awareness.add(-1);
    if (target.probationProbes > 0 && --target.probationProbes === 0) {
      this.state.event('proven', target);
    }
    this.finish(now);
  }

  private finish(now: MonoMs): void {
    this.running = undefined;
    if (!this.tickWaiting) return;
    this.tickWaiting = false;
    this.begin(now);
  }

  private reap(now: MonoMs): void {
    const { table, options } = this.state;
    for (const member of table.reap(now, options.gossipToTheDeadMs)) {
      this.state.event('reaped', member);
    }
  }
}
