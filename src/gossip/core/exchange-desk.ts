/**
 * Exchanges of the whole state: with a random member now and then, with a seed on joining, and with
 * members that failed, in case they were only cut off. In a large cluster each member does it less
 * often, so that the sum of bytes grows with n log n and not with n squared.
 */
import { monoMs } from '../../common/time.js';
import type { MonoMs } from '../../common/time.js';
import type { ClusterState } from './cluster-state.js';
import type { Endpoint } from './endpoint.js';
import { localNodes, mergeRemote } from './push-pull-merge.js';
import type { RemoteView } from './push-pull-merge.js';
import { pickRandom } from './random-members.js';
import { Ticker } from './ticker.js';

/** Up to this many members the interval is not scaled. */
const SCALE_FROM = 32;

/** At a time, started by us. */
const EXCHANGES_MAX = 256;

export function pushPullScale(n: number): number {
  return n <= SCALE_FROM ? 1 : Math.ceil(Math.log2(n) - Math.log2(SCALE_FROM)) + 1;
}

export class ExchangeDesk {
  /** Exchanges under way, and whether they are joins. */
  private readonly open = new Map<number, { readonly join: boolean }>();
  private nextPushPullAt: MonoMs | undefined;
  private readonly reconnect: Ticker | undefined;
  /** Ours count down, those the caller numbers count up. */
  private lastOwn = 0;

  constructor(
    private readonly state: ClusterState,
    startAt: MonoMs,
  ) {
    const { pushPullIntervalMs, reconnectIntervalMs } = state.options;
    if (pushPullIntervalMs > 0) {
      this.schedule(monoMs(startAt + pushPullIntervalMs * state.random.fraction()));
    }
    if (reconnectIntervalMs > 0) {
      this.reconnect = new Ticker(reconnectIntervalMs, startAt, state.random);
    }
  }

  get deadline(): MonoMs | undefined {
    const next = Math.min(this.nextPushPullAt ?? Infinity, this.reconnect?.deadline ?? Infinity);
    return next === Infinity ? undefined : monoMs(next);
  }

  tick(now: MonoMs): void {
    if (this.nextPushPullAt !== undefined && now >= this.nextPushPullAt) {
      this.schedule(now);
      this.withRandomMember();
    }
    if (this.reconnect?.isDue(now) === true) this.withFailedMember(now);
  }

  begin(exchange: number, to: Endpoint, join: boolean): void {
    const { state } = this;
    if (this.open.size >= EXCHANGES_MAX) {
      return state.emit({ kind: 'exchangeDone', exchange, error: 'too many exchanges under way' });
    }
    this.open.set(exchange, { join });
    state.emit({
      kind: 'openPushPull',
      exchange,
      to: { addr: to.addr, port: to.port },
      join,
      nodes: localNodes(state),
    });
  }

  /** Another member's request: it gets our view before we take over its own. */
  answer(stream: number, remote: RemoteView, now: MonoMs): void {
    const { state } = this;
    const nodes = localNodes(state);
    state.emit({ kind: 'answerPushPull', stream, join: remote.join, nodes });
    mergeRemote(state, remote, now);
  }

  finish(exchange: number, remote: Omit<RemoteView, 'join'>, now: MonoMs): void {
    const known = this.open.get(exchange);
    if (known === undefined) return;
    this.open.delete(exchange);
    const error = mergeRemote(this.state, { ...remote, join: known.join }, now);
    this.done(exchange, error);
  }

  fail(exchange: number, error: string): void {
    if (this.open.delete(exchange)) this.done(exchange, error);
  }

  private done(exchange: number, error: string | undefined): void {
    const outcome = error === undefined ? {} : { error };
    this.state.emit({ kind: 'exchangeDone', exchange, ...outcome });
  }

  private schedule(from: MonoMs): void {
    const { table, options } = this.state;
    const waitMs = options.pushPullIntervalMs * pushPullScale(table.size);
    this.nextPushPullAt = monoMs(from + waitMs);
  }

  private withRandomMember(): void {
    const { state } = this;
    const [member] = pickRandom(
      state.table.list(),
      1,
      state.random,
      ({ name, state: at }) => at === 'alive' && !state.isSelf(name),
    );
    if (member !== undefined) this.begin(--this.lastOwn, member, false);
  }

  /** Calling one that is still in the table would only repeat what the probes know. */
  private withFailedMember(now: MonoMs): void {
    const { state } = this;
    if (state.leaving) return;
    const failed = state.reconnects.pick(now, state.options.reconnectTimeoutMs, state.random);
    if (failed !== undefined) this.begin(--this.lastOwn, failed, true);
  }
}
