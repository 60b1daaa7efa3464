/** Pings that the application asked for, to measure round trips. Nothing is concluded from silence. */
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import type { Ack } from './messages.js';

const PINGS_MAX = 1_024;

interface Waiting {
  readonly token: number;
  readonly node: string;
  readonly sentAt: MonoMs;
  readonly deadline: MonoMs;
}

export class PingDesk {
  private readonly waiting = new Map<number, Waiting>();

  constructor(private readonly state: ClusterState) {}

  get deadline(): MonoMs | undefined {
    const first = this.waiting.values().next();
    return first.done === true ? undefined : first.value.deadline;
  }

  ping(token: number, node: string, now: MonoMs): void {
    const { state } = this;
    const member = state.table.get(node);
    if (member === undefined || this.waiting.size >= PINGS_MAX) {
      return state.emit({ kind: 'pingDone', token });
    }
    const seq = state.nextSeq();
    const deadline = monoMs(now + state.options.probeTimeoutMs);
    this.waiting.set(seq, { token, node, sentAt: now, deadline });
    state.sendWithNews(member, { kind: 'ping', seq, node, source: state.source });
  }

  ack(ack: Ack, now: MonoMs): boolean {
    const waiting = this.waiting.get(ack.seq);
    if (waiting === undefined) return false;
    this.waiting.delete(ack.seq);
    const rttMs = now - waiting.sentAt;
    const member = this.state.table.get(waiting.node);
    if (member !== undefined) member.rttMs = rttMs;
    const payload = ack.payload === undefined ? {} : { payload: ack.payload };
    this.state.emit({ kind: 'pingDone', token: waiting.token, rttMs, ...payload });
    return true;
  }

  tick(now: MonoMs): void {
    for (const [seq, { deadline, token }] of this.waiting) {
      if (now < deadline) return;
      this.waiting.delete(seq);
      this.state.emit({ kind: 'pingDone', token });
    }
  }
}
