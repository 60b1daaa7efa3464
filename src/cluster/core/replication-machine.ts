/**
 * How replicas count together, as one machine: what happens goes in, what to do comes out, and
 * `nextDeadline` says when to call again. It reads no clock, opens no stream, and changes nothing but the
 * store of counts it was given, so a simulation runs the same code as a cluster.
 *
 * Invariants:
 * - a peer is told values, never differences: whatever is lost, comes twice or late miscounts nothing;
 * - nothing is queued for a peer: what it lacks is what has changed since it acknowledged;
 * - what a replica says that it knows of a source, it has merged.
 *
 * For the rim: `replication-input.ts` says what to tell the machine, `replication-effect.ts` what each
 * effect asks for, `peer-transport.ts` carries the messages. After every input perform the effects in
 * order and arm one timer for `nextDeadline`; give `onUrgent` of the store a function that comes back with
 * `urgent`, not within the call.
 */
import { unreachable } from '../../common/assert.js';
import type { Random } from '../../common/random.js';
import { type MonoMs, monoMs } from '../../common/time.js';
import type { Batch, CountStore } from './count-store.js';
import { InboundStreams } from './inbound-streams.js';
import { type BatchCache, OutboundLink } from './outbound-link.js';
import type { ConnectResponse, Feed, KnownSource, PeerMessage } from './peer-message.js';
import { PeerMembers } from './peer-members.js';
import { freshnessOf, type PeerView, viewOf } from './peer-view.js';
import { ReplicationContext } from './replication-context.js';
import type { ReplicationEffect } from './replication-effect.js';
import type { Instant, ReplicationInput, StreamId } from './replication-input.js';
import type { ReplicationOptions } from './replication-options.js';
import { StatePulls } from './state-pulls.js';

interface Flushing {
  readonly deadline: number;
  /** Of the own feed and of that of the region, when it was asked for. */
  readonly own: number;
  readonly region: number;
}

export class ReplicationMachine {
  private readonly context: ReplicationContext;
  private readonly inbound: InboundStreams;
  private readonly pulls: StatePulls;
  private readonly members: PeerMembers;
  private readonly links = new Map<string, OutboundLink>();
  private lastStream = 0;
  private isStarted = false;
  private flushAt = 0;
  private regionFlushAt = 0;
  private digestAt = 0;
  /** Not before then. */
  private urgentFrom = 0;
  private isUrgent = false;
  private joinBy: number | undefined;
  private hasMet = false;
  private flushing: Flushing | undefined;
  private policyVersion = 0;

  constructor(
    private readonly options: ReplicationOptions,
    private readonly store: CountStore,
    random: Random,
  ) {
    this.context = new ReplicationContext(options, store, random);
    this.inbound = new InboundStreams(this.context, (peerId, known, now) =>
      this.compare(peerId, known, now),
    );
    this.pulls = new StatePulls(
      this.context,
      (peerId) => this.links.get(peerId),
      (source, now) => this.inbound.hears(source, now),
    );
    this.members = new PeerMembers(options.self);
  }

  /** The effects are in the order to perform them. */
  handle(input: ReplicationInput, now: Instant): readonly ReplicationEffect[] {
    if (input.kind === 'start') this.start(now);
    else if (this.isStarted) this.dispatch(input, now);
    return this.context.takeEffects();
  }

  /** When `tick` is due, at the latest. Links, pulls and the rest are looked at with every flush. */
  nextDeadline(): MonoMs | undefined {
    if (!this.isStarted) return undefined;
    return monoMs(this.isUrgent ? Math.min(this.flushAt, this.urgentFrom) : this.flushAt);
  }

  /** How old what is known of the live peers of the region is, at most; undefined: one never told all. */
  freshnessMs(now: Instant): number | undefined {
    return freshnessOf(this.members.neighbours, this.inbound, now);
  }

  peers(now: Instant): readonly PeerView[] {
    return this.members.all.map((member) =>
      viewOf(member, this.links.get(member.id), this.inbound.ageOf(member.id, now)),
    );
  }

  get isRelay(): boolean {
    return this.members.relays.isRelay;
  }

  private start(now: Instant): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.flushAt = now.mono + this.options.syncIntervalMs;
    this.regionFlushAt = now.mono + this.options.regionSyncIntervalMs;
    this.digestAt = now.mono + this.options.digestIntervalMs;
    this.joinBy = now.mono + this.options.joinWaitMs;
  }

  private dispatch(input: Exclude<ReplicationInput, { kind: 'start' }>, now: Instant): void {
    switch (input.kind) {
      case 'tick':
        return this.tick(now);
      case 'memberAlive':
        this.members.add(input.member);
        this.meet(now);
        return this.arrange(now);
      case 'memberGone':
        this.members.remove(input.id);
        this.inbound.forget(input.id);
        return this.arrange(now);
      case 'opened':
        return this.linkOf(input.stream)?.opened(now);
      case 'accepted':
        return this.inbound.accepted(input.stream, now);
      case 'closed':
        return this.closed(input.stream, input.error, now);
      case 'message':
        return this.message(input.stream, input.message, now);
      case 'urgent':
        this.isUrgent = true;
        return this.tellUrgent(now);
      case 'changeHold':
        return this.changeHold(input);
      case 'policyVersion':
        return this.tellPolicyVersion(input.version);
      case 'flush':
        return this.tellAll(input.timeoutMs, now);
      default:
        return unreachable(input);
    }
  }

  private tick(now: Instant): void {
    this.tellUrgent(now);
    if (now.mono < this.flushAt) return;
    this.flushAt = now.mono + this.options.syncIntervalMs;
    for (const link of this.links.values()) link.tick(now, () => ++this.lastStream);
    if (this.members.areRefusedOtherwise(this.links.values())) this.arrange(now);
    this.flush(now);
    this.pulls.tick(now);
    this.tellDigest(now);
    this.checkJoined(now);
    this.checkFlushed(now);
  }

  private flush(now: Instant): void {
    const batchOf = this.batches();
    const isRegionDue = now.mono >= this.regionFlushAt;
    if (isRegionDue) this.regionFlushAt = now.mono + this.options.regionSyncIntervalMs;
    for (const link of this.links.values()) {
      link.pump('own', batchOf, now);
      link.pump('foreign', batchOf, now);
      if (isRegionDue) link.pump('region', batchOf, now);
      link.heartbeat(now);
    }
  }

  /** Peers that are equally far are told the same bytes, which are packed once. */
  private batches(): BatchCache {
    const packed = new Map<string, Batch>();
    return (feed, after) => {
      const key = `${feed} ${after}`;
      const known = packed.get(key);
      if (known !== undefined) return known;
      const batch = this.store.collect(feed, after, this.options.messageBytesMax);
      packed.set(key, batch);
      return batch;
    };
  }

  private tellUrgent(now: Instant): void {
    if (!this.isUrgent || now.mono < this.urgentFrom) return;
    this.isUrgent = false;
    this.urgentFrom = now.mono + this.options.urgentIntervalMs;
    const entries = this.store.takeUrgent(this.options.messageBytesMax);
    if (entries.length === 0) return;
    for (const link of this.links.values()) link.hint(entries, now);
  }

  private tellDigest(now: Instant): void {
    if (now.mono < this.digestAt) return;
    this.digestAt = now.mono + this.options.digestIntervalMs;
    const known = this.context.known.list();
    for (const link of this.links.values()) if (link.isOpen) link.send({ kind: 'digest', known });
  }

  private compare(peerId: string, known: readonly KnownSource[], now: Instant): void {
    const peer = this.members.get(peerId);
    if (peer === undefined) return;
    this.links.get(peerId)?.agreed(now);
    this.pulls.compare(peer, known, now);
  }

  /** From the first member on there is somebody to hear from, and time for it. */
  private meet(now: Instant): void {
    if (this.hasMet) return;
    this.hasMet = true;
    this.joinBy = now.mono + this.options.joinWaitMs;
  }

  private checkJoined(now: Instant): void {
    if (this.joinBy === undefined) return;
    const near = this.members.agreeingNeighbours();
    // Who is alone in its region hears of it from the relays of others.
    const agreeing = [...this.links.values()].filter(({ isRefused }) => !isRefused);
    const expected = near.length > 0 ? near : agreeing.map(({ peerId }) => peerId);
    const isHeard = expected.length > 0 && expected.every((id) => this.inbound.isComplete(id));
    const isComplete = isHeard && this.pulls.isIdle;
    if (!isComplete && now.mono < this.joinBy) return;
    this.joinBy = undefined;
    this.context.emit({ kind: 'joined', isComplete });
  }

  private checkFlushed(now: Instant): void {
    const { flushing } = this;
    if (flushing === undefined) return;
    const isLast = this.members.agreeingNeighbours().length === 0;
    const missing = [...this.links.values()]
      .filter((link) => (isLast || this.isNear(link)) && !link.isRefused)
      .filter((link) => !(link.isOpen && this.hasAll(link, flushing)))
      .map(({ peerId }) => peerId);
    if (missing.length > 0 && now.mono < flushing.deadline) return;
    this.flushing = undefined;
    this.context.emit({ kind: 'flushed', missing });
  }

  /** Other regions too, if nobody of this one remains who would. */
  private tellAll(timeoutMs: number, now: Instant): void {
    const heads = { own: this.store.head('own'), region: this.store.head('region') };
    this.flushing = { deadline: now.mono + timeoutMs, ...heads };
    this.regionFlushAt = now.mono;
    this.flush(now);
    this.checkFlushed(now);
  }

  private hasAll(link: OutboundLink, { own, region }: Flushing): boolean {
    return this.isNear(link) ? link.hasAcked('own', own) : link.hasAcked('region', region);
  }

  /** Opens and closes streams as members and relays are now. */
  private arrange(now: Instant): void {
    this.members.chooseRelays(this.links.values());
    const { isRelay, wanted } = this.members.relays;
    this.store.setRelay(isRelay);
    this.store.setPeers(this.members.neighbours.length);
    for (const [peerId, link] of this.links) {
      if (wanted.has(peerId)) {
        if (link.isOpen) link.setFeeds(this.feedsFor(peerId));
        continue;
      }
      link.close();
      this.links.delete(peerId);
    }
    for (const peerId of wanted)
      if (!this.links.has(peerId)) {
        const link = new OutboundLink(peerId, this.context, now);
        this.links.set(peerId, link);
        link.tick(now, () => ++this.lastStream);
      }
  }

  private feedsFor(peerId: string): readonly Feed[] {
    if (!this.members.isNear(peerId)) return ['region'];
    return this.isRelay ? ['own', 'foreign'] : ['own'];
  }

  private closed(stream: StreamId, error: string, now: Instant): void {
    if (this.inbound.has(stream)) return this.inbound.closed(stream);
    return this.linkOf(stream)?.fail(error, now);
  }

  private message(stream: StreamId, message: PeerMessage, now: Instant): void {
    const link = this.linkOf(stream);
    if (link !== undefined) return this.answer(link, message as ConnectResponse, now);
    if (!isAnswer(message)) return this.inbound.message(stream, message, now);
    return undefined;
  }

  private answer(link: OutboundLink, message: ConnectResponse, now: Instant): void {
    switch (message.kind) {
      case 'welcome':
        link.welcome(message.hello, this.feedsFor(link.peerId), now);
        if (!link.isOpen) return undefined;
        this.compare(link.peerId, message.hello.known, now);
        if (this.policyVersion > 0) link.send({ kind: 'policyHint', version: this.policyVersion });
        return this.greet(link, now);
      case 'refusal':
        return link.refused(message, now);
      case 'ack':
        link.ack(message, now);
        return this.goOn(link, message.feed, now);
      case 'state':
        return this.pulls.answered(link.peerId, message, now);
      case 'holdChanged':
        if (link.holdChanged(message.token)) this.context.emit(message);
        return undefined;
      default:
        return this.context.notice('bad-message', link.peerId, 'an answer of another kind');
    }
  }

  /** All that the peer does not know yet, at once. */
  private greet(link: OutboundLink, now: Instant): void {
    const batchOf = this.batches();
    for (const feed of this.feedsFor(link.peerId)) link.pump(feed, batchOf, now);
    this.pulls.tick(now);
  }

  /** A peer that was told in pieces gets the next when it has taken one. */
  private goOn(link: OutboundLink, feed: Feed, now: Instant): void {
    if (link.isCatchingUp(feed)) link.pump(feed, this.batches(), now);
    this.checkFlushed(now);
  }

  private changeHold(input: Extract<ReplicationInput, { kind: 'changeHold' }>): void {
    const { replicaId, ...change } = input;
    const { token } = change;
    const isSent = this.links.get(replicaId)?.changeHold({ ...change, kind: 'holdChange' });
    if (isSent !== true) this.context.emit({ kind: 'holdChanged', token, wasHeld: false });
  }

  private tellPolicyVersion(version: number): void {
    this.policyVersion = version;
    for (const link of this.links.values())
      if (link.isOpen) link.send({ kind: 'policyHint', version });
  }

  private linkOf(stream: StreamId): OutboundLink | undefined {
    for (const link of this.links.values()) if (link.stream === stream) return link;
    return undefined;
  }

  private isNear({ peerId }: OutboundLink): boolean {
    return this.members.isNear(peerId);
  }
}

const ANSWERS: readonly string[] = ['welcome', 'refusal', 'ack', 'state', 'holdChanged'];

function isAnswer(message: PeerMessage): message is ConnectResponse {
  return ANSWERS.includes(message.kind);
}
