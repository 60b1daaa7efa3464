/**
 * Streams that peers have opened to this replica: what they counted comes on them. Each delta is merged
 * whatever its place; what is known of a feed rises only where nothing is missing before it.
 */
import { objectionTo } from './hello-check.js';
import {
  type ConnectRequest,
  type ConnectResponse,
  type Delta,
  type Feed,
  type Hello,
  type KnownSource,
  type Source,
  sourceKey,
} from './peer-message.js';
import type { ReplicationContext } from './replication-context.js';
import type { Instant, StreamId } from './replication-input.js';
import { silenceMsOf } from './replication-options.js';

interface Inbound {
  readonly stream: StreamId;
  source: Source | undefined;
  /** Received without a gap, by feed. */
  readonly positions: Map<Feed, number>;
  /** On the peer's clock, by feed: when the last delta that left nothing out was sent. */
  completeAt: Map<Feed, number>;
  heardAt: number;
  /** When a message came that left nothing out, and nothing was missing before it. */
  currentAt: number | undefined;
}

export class InboundStreams {
  private readonly streams = new Map<StreamId, Inbound>();
  /** The same of replicas whose stream is over: what is known of them grows old meanwhile. */
  private readonly lastCurrent = new Map<string, number>();
  /** What `completeAt` says, by run: a stream may be over and a silence go on. */
  private readonly completeAt = new Map<string, Map<Feed, number>>();

  constructor(
    private readonly context: ReplicationContext,
    /** A peer says what it knows. */
    private readonly compare: (peerId: string, known: readonly KnownSource[], now: Instant) => void,
  ) {}

  accepted(stream: StreamId, now: Instant): void {
    if (this.streams.size >= this.context.options.acceptedMax) {
      this.context.notice('too-many', '', 'streams from peers');
      return this.context.emit({ kind: 'close', stream });
    }
    this.streams.set(stream, {
      stream,
      source: undefined,
      positions: new Map(),
      completeAt: new Map(),
      heardAt: now.mono,
      currentAt: undefined,
    });
    return undefined;
  }

  closed(stream: StreamId): void {
    const inbound = this.streams.get(stream);
    if (inbound !== undefined) this.remove(inbound);
  }

  has(stream: StreamId): boolean {
    return this.streams.has(stream);
  }

  message(stream: StreamId, message: ConnectRequest, now: Instant): void {
    const inbound = this.streams.get(stream);
    if (inbound === undefined) return undefined;
    if (message.kind === 'hello') return this.hello(inbound, message.hello, now);
    const { source } = inbound;
    if (source === undefined) return this.drop(inbound, 'a message before the greeting');
    switch (message.kind) {
      case 'delta':
        return this.delta(inbound, source, { delta: message, now });
      case 'digest':
        return this.compare(source.replicaId, message.known, now);
      case 'stateRequest':
        return this.state(inbound, message.source, { cursor: message.cursor, now });
      case 'holdChange':
        return this.holdChange(inbound, message, now);
      case 'policyHint':
        return this.context.emit({ kind: 'policyHint', version: message.version });
    }
  }

  /**
   * How old what is known of a replica is: milliseconds since it told all that there was. One that goes on
   * talking and leaves something out does not count as heard. Undefined: it never told all.
   */
  ageOf(replicaId: string, now: Instant): number | undefined {
    const currentAt = this.of(replicaId)?.currentAt ?? this.lastCurrent.get(replicaId);
    return currentAt === undefined ? undefined : now.mono - currentAt;
  }

  /** Gossip says that it is no member any more. */
  forget(replicaId: string): void {
    this.lastCurrent.delete(replicaId);
  }

  /** Whether all that a replica has counted itself, or as the relay of another region, has been here once. */
  isComplete(replicaId: string): boolean {
    return this.of(replicaId)?.currentAt !== undefined;
  }

  /** Whether this very run is heard directly, and has been lately. */
  hears({ replicaId, bootId }: Source, now: Instant): boolean {
    const inbound = this.of(replicaId);
    const isRun = inbound?.source?.bootId === bootId;
    return isRun && now.mono - (inbound?.heardAt ?? 0) < this.context.options.digestIntervalMs;
  }

  private of(replicaId: string): Inbound | undefined {
    for (const inbound of this.streams.values())
      if (inbound.source?.replicaId === replicaId) return inbound;
    return undefined;
  }

  private hello(inbound: Inbound, hello: Hello, now: Instant): void {
    const objection = objectionTo(hello, this.context.options);
    if (objection !== undefined) {
      this.answer(inbound, { kind: 'refusal', ...objection });
      return this.end(inbound);
    }
    const older = this.of(hello.source.replicaId);
    if (older !== undefined && older !== inbound) this.replace(older, hello.source.replicaId);
    inbound.source = hello.source;
    inbound.heardAt = now.mono;
    inbound.completeAt = this.completeOf(hello.source);
    inbound.positions.set('own', this.context.known.throughOf(hello.source));
    this.answer(inbound, { kind: 'welcome', hello: this.context.hello() });
    return this.compare(hello.source.replicaId, hello.known, now);
  }

  /** The run that began longest ago gives way to one too many. */
  private completeOf(source: Source): Map<Feed, number> {
    const key = sourceKey(source);
    const completeAt = this.completeAt.get(key) ?? new Map<Feed, number>();
    this.completeAt.set(key, completeAt);
    const [oldest] = this.completeAt.keys();
    if (this.completeAt.size > this.context.options.sourcesMax && oldest !== undefined)
      this.completeAt.delete(oldest);
    return completeAt;
  }

  private replace(older: Inbound, peerId: string): void {
    this.context.notice('stream-replaced', peerId, '');
    this.end(older);
  }

  private delta(
    inbound: Inbound,
    source: Source,
    { delta, now }: { delta: Delta; now: Instant },
  ): void {
    const { feed, from, to, isComplete, isState, sentAtMs } = delta;
    inbound.heardAt = now.mono;
    const last = inbound.completeAt.get(feed);
    const ownGapMs = last === undefined ? 0 : Math.max(0, sentAtMs - last);
    const gapMs = Math.max(ownGapMs, delta.silenceMs);
    this.merge(source.replicaId, delta.entries, { source, isState, gapMs }, now);
    if (feed === 'region') this.passOn(gapMs);
    const before = inbound.positions.get(feed) ?? 0;
    const isWhole = from <= before;
    const position = isWhole ? Math.max(before, to) : before;
    inbound.positions.set(feed, position);
    if (feed === 'own') this.context.known.raise(source, 0, to);
    for (const each of delta.known) this.hearOf(each, isWhole && isComplete);
    if (isWhole && isComplete) this.completed(inbound, source, { feed, position, sentAtMs }, now);
    const receivedAtMs = now.wall;
    this.answer(inbound, { kind: 'ack', feed, position, sentAtMs, receivedAtMs });
  }

  /** A silence of another region is told to ours with what came after it. */
  private passOn(gapMs: number): void {
    const { options, silences, store } = this.context;
    if (gapMs > silenceMsOf(options)) silences.noticed(gapMs, store.head('foreign'));
  }

  /** A relay says how far it knows those of other regions. What it knows of ours, ours tell better. */
  private hearOf({ source, through, seen }: KnownSource, isAll: boolean): void {
    const { known, options } = this.context;
    if (source.region !== options.self.region)
      known.raise(source, isAll ? through : 0, Math.max(through, seen));
  }

  private completed(
    inbound: Inbound,
    source: Source,
    { feed, position, sentAtMs }: { feed: Feed; position: number; sentAtMs: number },
    now: Instant,
  ): void {
    inbound.completeAt.set(feed, Math.max(sentAtMs, inbound.completeAt.get(feed) ?? sentAtMs));
    if (feed !== 'foreign') inbound.currentAt = now.mono;
    if (feed === 'own') this.context.known.raise(source, position, position);
  }

  private merge(
    peerId: string,
    entries: Uint8Array,
    arrival: { source: Source; isState: boolean; gapMs: number },
    now: Instant,
  ): void {
    if (entries.length === 0) return;
    const { refused, isSound } = this.context.store.merge(entries, arrival, now.wall);
    if (refused > 0) this.context.notice('counters-full', peerId, `${refused} entries`);
    if (!isSound) this.context.notice('bad-message', peerId, 'entries');
  }

  private state(
    inbound: Inbound,
    source: Source,
    { cursor, now }: { cursor: number; now: Instant },
  ): void {
    const through = this.context.known.throughOf(source);
    const { messageBytesMax } = this.context.options;
    const page = this.context.store.page(source, cursor, messageBytesMax);
    this.answer(inbound, { kind: 'state', source, cursor, through, ...page, sentAtMs: now.wall });
  }

  private holdChange(
    inbound: Inbound,
    { token, bootId, ...hold }: Extract<ConnectRequest, { kind: 'holdChange' }>,
    now: Instant,
  ): void {
    const { counterName, holdId, renewMs } = hold;
    const renewed = renewMs === undefined ? {} : { renewMs };
    const isOurs = bootId === this.context.options.self.bootId;
    const change = { counterName, holdId, ...renewed };
    const wasHeld = isOurs && this.context.store.changeHold(change, now.wall);
    this.answer(inbound, { kind: 'holdChanged', token, wasHeld });
  }

  private drop(inbound: Inbound, detail: string): void {
    this.context.notice('bad-message', inbound.source?.replicaId ?? '', detail);
    this.end(inbound);
  }

  private remove({ stream, source, currentAt }: Inbound): void {
    this.streams.delete(stream);
    const hasRoom = this.lastCurrent.size < this.context.options.sourcesMax;
    if (source !== undefined && currentAt !== undefined && hasRoom)
      this.lastCurrent.set(source.replicaId, currentAt);
  }

  private end(inbound: Inbound): void {
    this.remove(inbound);
    this.context.emit({ kind: 'close', stream: inbound.stream });
  }

  private answer({ stream }: Inbound, message: ConnectResponse): void {
    this.context.emit({ kind: 'send', stream, message });
  }
}
