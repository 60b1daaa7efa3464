/**
 * The stream that this replica keeps to one peer: it dials, greets, and then tells each feed from where
 * the peer has acknowledged it. What a peer cannot take yet waits nowhere but in the feed.
 */
import type { Batch } from './count-store.js';
import { ClockSkew } from './clock-skew.js';
import { FeedProgress } from './feed-progress.js';
import { objectionText, objectionTo, type Objection } from './hello-check.js';
import type { Ack, ConnectRequest, Feed, Hello, Source } from './peer-message.js';
import { sourceKey } from './peer-message.js';
import type { LinkState } from './replication-effect.js';
import type { ReplicationContext } from './replication-context.js';
import type { Instant, StreamId } from './replication-input.js';

/** Finds batches that another link of the same moment has been given already. */
export type BatchCache = (feed: Feed, after: number) => Batch;

/** Nothing is acknowledged so often in a row before a link counts as stalled. */
const STALLED_AFTER = 2;
/** How long a peer may take to answer a greeting, in times of the retransmission. */
const GREETING_WAITS = 4;

export class OutboundLink {
  private phase: 'idle' | 'dialing' | 'greeting' | 'open' | 'refused' = 'idle';
  private shown: LinkState | undefined;
  private attempts = 0;
  /** When to dial, or to give up on what goes on; by phase. */
  private due: number;
  private readonly feeds = new Map<Feed, FeedProgress>();
  private readonly holdTokens = new Set<number>();
  private hasWarnedOfSkew = false;
  readonly clock = new ClockSkew();
  stream: StreamId | undefined;
  remote: Source | undefined;

  constructor(
    readonly peerId: string,
    private readonly context: ReplicationContext,
    now: Instant,
  ) {
    this.due = now.mono;
  }

  get isOpen(): boolean {
    return this.phase === 'open';
  }

  get state(): LinkState {
    return this.shown ?? 'connecting';
  }

  /** Until an answer says otherwise, also while it is tried again. */
  get isRefused(): boolean {
    return this.shown === 'refused';
  }

  /** Dials, gives up, tries again, as it is due. */
  tick(now: Instant, nextStream: () => StreamId): void {
    if (this.phase === 'open') return this.watch(now);
    if (now.mono < this.due) return undefined;
    if (this.phase === 'greeting') return this.fail('no answer to the greeting', now);
    if (this.phase === 'dialing') return undefined;
    this.phase = 'dialing';
    this.stream = nextStream();
    if (this.shown === undefined) this.show('connecting', '');
    return this.context.emit({ kind: 'open', stream: this.stream, peerId: this.peerId });
  }

  opened(now: Instant): void {
    this.phase = 'greeting';
    this.due = now.mono + this.context.options.retransmitMs * GREETING_WAITS;
    this.send({ kind: 'hello', hello: this.context.hello() });
  }

  welcome(hello: Hello, feeds: readonly Feed[], now: Instant): void {
    if (this.phase !== 'greeting') return;
    const objection = objectionTo(hello, this.context.options);
    if (objection !== undefined) return this.refused(objection, now);
    if (hello.source.replicaId !== this.peerId)
      return this.refused({ reason: 'identity', settings: [] }, now);
    this.phase = 'open';
    this.attempts = 0;
    this.remote = hello.source;
    const self = sourceKey(this.context.options.self);
    const known = hello.known.find(({ source }) => sourceKey(source) === self)?.through ?? 0;
    this.setFeeds(feeds, Math.min(known, this.context.store.head('own')));
    this.show('open', '');
  }

  /** Which feeds the peer is told; one that begins does so from `ownFrom`, others from the start. */
  setFeeds(feeds: readonly Feed[], ownFrom = 0): void {
    for (const feed of this.feeds.keys()) if (!feeds.includes(feed)) this.feeds.delete(feed);
    for (const feed of feeds) {
      if (this.feeds.has(feed)) continue;
      const from = feed === 'own' ? ownFrom : 0;
      this.feeds.set(feed, new FeedProgress(from, this.context.options.retransmitMs));
    }
  }

  refused(objection: Objection, now: Instant): void {
    const detail = objectionText(objection);
    this.end();
    this.phase = 'refused';
    this.due = now.mono + this.context.options.refusedRetryMs;
    this.show('refused', detail);
    this.context.notice('refused', this.peerId, detail);
  }

  /** The peer has greeted us, and agrees: if it did not before, it does now. */
  agreed(now: Instant): void {
    if (this.phase === 'refused') this.due = now.mono;
  }

  /** The stream is over, or could not be opened. */
  fail(error: string, now: Instant): void {
    const { redialMs, redialMaxMs } = this.context.options;
    this.end();
    const waitMs = Math.min(redialMaxMs, redialMs * 2 ** Math.min(this.attempts, 20));
    this.attempts += 1;
    this.phase = 'idle';
    this.due = now.mono + waitMs * (0.5 + this.context.random.fraction() / 2);
    this.show('closed', error);
  }

  /** The peer is no longer wanted. */
  close(): void {
    this.end();
    this.context.emit({ kind: 'unlinked', peerId: this.peerId });
  }

  /** Tells what of a feed the peer does not know, as far as it can take it. */
  pump(feed: Feed, batchOf: BatchCache, now: Instant): void {
    const progress = this.feeds.get(feed);
    if (progress === undefined || this.phase !== 'open') return;
    const { windowMessages } = this.context.options;
    const head = this.context.store.head(feed);
    while (progress.isOpen(windowMessages)) {
      if (progress.sent >= head && progress.hasCompleted) return;
      const { entries, to, isComplete } = batchOf(feed, progress.sent);
      const span = { from: progress.sent, to, isComplete, isState: progress.isState };
      progress.send(to, isComplete, now.mono);
      const known = this.context.drawnFrom(feed);
      const silenceMs = feed === 'foreign' ? this.context.silences.after(progress.acked) : 0;
      const said = { known, silenceMs, sentAtMs: now.wall };
      this.send({ kind: 'delta', feed, ...span, entries, ...said });
      if (isComplete) return;
    }
  }

  /** What cannot wait: it is told as well, and its feed goes on as if it had not been. */
  hint(entries: Uint8Array, now: Instant): void {
    const progress = this.feeds.get('own');
    if (this.phase !== 'open' || progress?.isOpen(this.context.options.windowMessages) !== true)
      return;
    const head = this.context.store.head('own');
    const span = { from: head, to: head, isComplete: false, isState: false };
    const said = { ...NOTHING_BESIDE, sentAtMs: now.wall };
    this.send({ kind: 'delta', feed: 'own', ...span, entries, ...said });
  }

  /**
   * Says of each feed that there is nothing to say, if nothing was said for a while: what is not heard of counts as
   * silent, and a token bucket spares who was silent (ADR 0122).
   */
  heartbeat(now: Instant): void {
    if (this.phase !== 'open') return;
    for (const [feed, progress] of this.feeds) {
      if (now.mono - progress.toldAt < this.context.options.heartbeatMs) continue;
      progress.toldAt = now.mono;
      const { sent } = progress;
      const isComplete = sent >= this.context.store.head(feed);
      const span = { from: sent, to: sent, isComplete, isState: false };
      const said = { ...NOTHING_BESIDE, sentAtMs: now.wall };
      this.send({ kind: 'delta', feed, ...span, entries: NOTHING, ...said });
    }
  }

  ack({ feed, position, sentAtMs, receivedAtMs }: Ack, now: Instant): void {
    this.clock.add(sentAtMs, receivedAtMs, now.wall);
    this.feeds.get(feed)?.ack(position, now.mono);
    if (this.shown === 'stalled') this.show('open', '');
    this.warnOfSkew();
  }

  /** Whether the peer has acknowledged a feed up to there. */
  hasAcked(feed: Feed, position: number): boolean {
    return (this.feeds.get(feed)?.acked ?? Number.POSITIVE_INFINITY) >= position;
  }

  /** It is told in pieces, and not all of them have been sent. */
  isCatchingUp(feed: Feed): boolean {
    return this.feeds.get(feed)?.hasCompleted === false;
  }

  changeHold(change: Extract<ConnectRequest, { kind: 'holdChange' }>): boolean {
    if (this.phase !== 'open' || this.remote?.bootId !== change.bootId) return false;
    this.holdTokens.add(change.token);
    this.send(change);
    return true;
  }

  /** False: nobody has asked for it. */
  holdChanged(token: number): boolean {
    return this.holdTokens.delete(token);
  }

  send(message: ConnectRequest): void {
    if (this.stream !== undefined)
      this.context.emit({ kind: 'send', stream: this.stream, message });
  }

  /** What was not acknowledged in time is told again. */
  private watch(now: Instant): void {
    for (const progress of this.feeds.values()) {
      if (now.mono < progress.retryAt) continue;
      progress.retry();
      if (progress.misses >= STALLED_AFTER) this.show('stalled', 'nothing is acknowledged');
    }
  }

  private end(): void {
    if (this.stream !== undefined && this.phase !== 'idle')
      this.context.emit({ kind: 'close', stream: this.stream });
    this.stream = undefined;
    this.remote = undefined;
    this.feeds.clear();
    for (const token of this.holdTokens)
      this.context.emit({ kind: 'holdChanged', token, wasHeld: false });
    this.holdTokens.clear();
  }

  private warnOfSkew(): void {
    const skewMs = Math.abs(this.clock.best?.skewMs ?? 0);
    const isLarge = skewMs > this.context.options.clockSkewWarnMs;
    if (isLarge && !this.hasWarnedOfSkew)
      this.context.notice('clock-skew', this.peerId, `${Math.round(skewMs)} ms`);
    this.hasWarnedOfSkew = isLarge;
  }

  private show(state: LinkState, detail: string): void {
    if (this.shown === state && state !== 'closed') return;
    this.shown = state;
    this.context.link(this.peerId, state, detail);
  }
}

const NOTHING = new Uint8Array(0);
/** What only the feeds of a relay say. */
const NOTHING_BESIDE = { known: [], silenceMs: 0 } as const;
