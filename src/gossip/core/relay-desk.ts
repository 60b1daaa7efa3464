/**
 * Pings for others. A member that got no answer from T asks us; we ping T under a number of our own
 * and pass its ack on. If none comes we say so (a nack), which tells the asker that it is not deaf.
 *
 * memberlist sends the nack when its own time-out is over, which at the asker is past the deadline;
 * we send it at 80 % of it, as the Lifeguard paper has it, so that it arrives in time to count.
 */
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import type { Endpoint } from './endpoint.js';
import type { IndirectPing } from './messages.js';

const NACK_SHARE = 0.8;

/** At a time. A node of a large cluster relays a handful; more is somebody using us as a weapon. */
const RELAYS_MAX = 1_024;

interface Relay {
  readonly replyTo: Endpoint;
  /** The asker's number for its probe. */
  readonly seq: number;
  readonly deadline: MonoMs;
  /** When to say that nothing came; absent once said, or if it was not wanted. */
  nackAt: MonoMs | undefined;
}

export class RelayDesk {
  /** By our own number of the ping. All wait equally long, so this is the order of deadlines too. */
  private readonly relays = new Map<number, Relay>();

  constructor(private readonly state: ClusterState) {}

  get deadline(): MonoMs | undefined {
    let earliest: MonoMs | undefined;
    for (const { nackAt, deadline } of this.relays.values()) {
      const next = nackAt ?? deadline;
      if (earliest === undefined || next < earliest) earliest = next;
    }
    return earliest;
  }

  relay(request: IndirectPing, from: Endpoint, now: MonoMs): void {
    const { state } = this;
    if (this.relays.size >= RELAYS_MAX) return state.drop('relays-full');
    const port = request.target.port === 0 ? state.options.bindPort : request.target.port;
    const seq = state.nextSeq();
    const waitMs = state.options.probeTimeoutMs;
    this.relays.set(seq, {
      replyTo: request.source ?? from,
      seq: request.seq,
      deadline: monoMs(now + waitMs),
      nackAt: request.nack ? monoMs(now + waitMs * NACK_SHARE) : undefined,
    });
    const ping = { kind: 'ping', seq, node: request.node, source: state.source } as const;
    state.sendWithNews({ addr: request.target.addr, port }, ping);
  }

  ack(seq: number): boolean {
    const relay = this.relays.get(seq);
    if (relay === undefined) return false;
    this.relays.delete(seq);
    this.state.sendWithNews(relay.replyTo, { kind: 'ack', seq: relay.seq });
    return true;
  }

  tick(now: MonoMs): void {
    for (const [ownSeq, relay] of this.relays) {
      if (relay.nackAt !== undefined && now >= relay.nackAt) {
        relay.nackAt = undefined;
        this.state.sendWithNews(relay.replyTo, { kind: 'nack', seq: relay.seq });
      }
      if (now >= relay.deadline) this.relays.delete(ownSeq);
    }
  }
}
