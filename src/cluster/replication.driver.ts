import { setTimeout as delay } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { CountStore } from './core/count-store.js';
import type { ReplicationEffect } from './core/replication-effect.js';
import type { PeerMessage } from './core/peer-message.js';
import type { Instant, ReplicationInput, StreamId } from './core/replication-input.js';
import type { PeerView } from './core/peer-view.js';
import { ReplicationMachine } from './core/replication-machine.js';
import { replicationOptions } from './replication-options-of.js';
import { MembershipService } from './membership.service.js';
import { PeerLinks } from './peer-links.js';
import { PeerStreams } from './peer-streams.js';
import { type PeerAddress, peerAddressOf } from './peer-transport.js';
import { isUp, type Replica } from './replica.js';
import { ReplicationNotices } from './replication-notices.js';
import { ReplicationParts } from './replication-parts.js';

/** How a hold that another replica made is to be changed. */
export interface HoldChangeRequest {
  readonly replicaId: string;
  readonly bootId: string;
  readonly counterName: string;
  readonly holdId: number;
  /** Undefined: release it. */
  readonly renewMs?: number | undefined;
}

/** A peer that has not answered by then has not changed the hold. */
const HOLD_CHANGE_MAX_MS = 2_000;

/** For the peers to confirm what was counted last, when this replica goes. */
const FLUSH_MAX_MS = 2_000;

/**
 * The only loop around the replication machine: feeds it members, streams and time, and does what it
 * asks for. Does nothing where this replica runs alone.
 */
@Injectable()
export class ReplicationDriver {
  readonly links = new PeerLinks();
  private machine: ReplicationMachine | undefined;
  private streams: PeerStreams | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly policyListeners: ((version: number) => void)[] = [];
  private readonly holdWaiters = new Map<number, (wasHeld: boolean) => void>();
  private lastToken = 0;
  private joined: ((isComplete: boolean) => void) | undefined;
  private hasJoined = false;
  private areHoldsHanded = false;
  private flushed: ((missing: readonly string[]) => void) | undefined;

  constructor(
    private readonly membership: MembershipService,
    private readonly parts: ReplicationParts,
    private readonly notices: ReplicationNotices,
  ) {}

  /** What is to be replicated, and a check of the key of its fingerprints; once, before {@link listen}. */
  attach(store: CountStore, keyCheck: string): void {
    const { config, identity } = this.parts.setting;
    const options = replicationOptions(config, identity, keyCheck);
    this.machine = new ReplicationMachine(options, store, this.parts.random);
  }

  /** Begins to accept peers; gives the port, 0 where this replica runs alone. */
  async listen(): Promise<number> {
    if (this.machine === undefined || !this.membership.isClustered) return 0;
    const { host, port, dialTimeoutSeconds } = this.parts.setting.config.cluster.grpc;
    const { transport } = this.parts;
    this.streams = new PeerStreams(
      transport,
      {
        opened: (stream) => this.feed({ kind: 'opened', stream }),
        accepted: (stream) => this.feed({ kind: 'accepted', stream }),
        closed: (stream, error) => this.feed({ kind: 'closed', stream, error }),
        message: (stream, message) => this.message(stream, message),
      },
      dialTimeoutSeconds * 1_000,
    );
    const bound = await transport.listen({ host, port }, this.streams);
    this.feed({ kind: 'start' });
    this.membership.onChange((replica) => this.member(replica));
    return bound.port;
  }

  /** Resolves when what the peers have counted is here, or when this replica has waited for long enough. */
  async settle(): Promise<void> {
    if (this.streams === undefined) return;
    const { joinWaitMs } = this.parts.setting.config.cluster;
    const isAlone = !this.membership.replicas().some((replica) => isPeer(replica) && isUp(replica));
    if (isAlone || this.hasJoined) return;
    const answer = new Promise<boolean>((resolve) => (this.joined = resolve));
    // The machine gives up after `joinWaitMs` by itself, unless it did so before anybody was found.
    const isComplete = await Promise.race([answer, delay(joinWaitMs, false, { ref: false })]);
    if (!isComplete)
      this.parts.setting.log.warn(
        { joinWaitMs, unlinked: this.links.unlinked() },
        'not all that the peers have counted is known yet: limits may admit what they have spent',
      );
  }

  /** To be called at once when a policy was changed here, or seen to be changed. */
  tellPolicyVersion(version: number): void {
    this.feed({ kind: 'policyVersion', version });
  }

  /** Told of the versions that peers have seen. */
  onPolicyHint(listener: (version: number) => void): void {
    this.policyListeners.push(listener);
  }

  /** False: it had ended, or its replica cannot be reached. */
  changeHold(request: HoldChangeRequest): Promise<boolean> {
    const token = ++this.lastToken;
    return new Promise((resolve) => {
      const late = setTimeout(() => this.holdChanged(token, false), HOLD_CHANGE_MAX_MS);
      this.holdWaiters.set(token, (wasHeld) => {
        clearTimeout(late);
        resolve(wasHeld);
      });
      if (this.streams === undefined) this.holdChanged(token, false);
      else this.feed({ kind: 'changeHold', token, ...request });
    });
  }

  /** Others are about to count the holds of this replica: it changes none any more, and says so. */
  refuseHoldChanges(): void {
    this.areHoldsHanded = true;
  }

  /** The store has something that should not wait. Not within the call: it is in the middle of a check. */
  urgent(): void {
    setImmediate(() => this.feed({ kind: 'urgent' }));
  }

  peers(): readonly PeerView[] {
    if (this.streams === undefined) return [];
    return this.machine?.peers(this.now()) ?? [];
  }

  /**
   * How old the oldest news of a live peer of the region is. Undefined: this replica runs alone, or has not
   * heard of all.
   */
  freshnessMs(): number | undefined {
    if (this.streams === undefined) return undefined;
    return this.machine?.freshnessMs(this.now());
  }

  /** What peers did wrong since the start, by kind. */
  noticeCounts(): ReadonlyMap<string, number> {
    return this.notices.counts();
  }

  get isRelay(): boolean {
    return this.streams !== undefined && this.machine?.isRelay === true;
  }

  /** Tells the peers what was counted last. */
  async flush(): Promise<void> {
    if (this.streams === undefined) return;
    const answer = new Promise<readonly string[]>((resolve) => (this.flushed = resolve));
    this.feed({ kind: 'flush', timeoutMs: FLUSH_MAX_MS });
    const missing = await answer;
    if (missing.length > 0)
      this.parts.setting.log.warn(
        { missing },
        'these peers have not confirmed what was counted last',
      );
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    if (this.streams === undefined) return;
    this.streams = undefined;
    await this.parts.transport.close();
  }

  private member(replica: Replica): void {
    if (!isPeer(replica)) return;
    const { name: id, facts } = replica;
    if (isUp(replica))
      this.feed({ kind: 'memberAlive', member: { id, region: facts?.region ?? '' } });
    else this.feed({ kind: 'memberGone', id });
  }

  private message(stream: StreamId, message: PeerMessage): void {
    if (this.areHoldsHanded && message.kind === 'holdChange') {
      const { token } = message;
      this.streams?.send(stream, { kind: 'holdChanged', token, wasHeld: false });
    } else this.feed({ kind: 'message', stream, message });
  }

  private feed(input: ReplicationInput): void {
    const { machine, streams } = this;
    if (machine === undefined || streams === undefined) return;
    for (const effect of machine.handle(input, this.now())) this.perform(effect, streams);
    this.arm(machine);
  }

  private arm(machine: ReplicationMachine): void {
    clearTimeout(this.timer);
    const due = machine.nextDeadline();
    if (due === undefined || this.streams === undefined) return;
    const waitMs = Math.max(0, Math.ceil(due - this.now().mono));
    this.timer = setTimeout(() => this.feed({ kind: 'tick' }), waitMs).unref();
  }

  private perform(effect: ReplicationEffect, streams: PeerStreams): void {
    switch (effect.kind) {
      case 'open':
        return streams.open(effect.stream, this.addressOf(effect.peerId));
      case 'send':
        return streams.send(effect.stream, effect.message);
      case 'close':
        return streams.close(effect.stream);
      case 'link':
        return this.links.set(effect.peerId, effect.state, effect.detail, this.now().wall);
      case 'unlinked':
        return this.links.forget(effect.peerId);
      case 'joined':
        this.hasJoined ||= effect.isComplete;
        return this.joined?.(effect.isComplete);
      case 'flushed':
        return this.flushed?.(effect.missing);
      case 'holdChanged':
        return this.holdChanged(effect.token, effect.wasHeld);
      case 'policyHint':
        for (const listener of this.policyListeners) listener(effect.version);
        return undefined;
      case 'notice':
        return this.notices.add(effect);
    }
  }

  private holdChanged(token: number, wasHeld: boolean): void {
    const waiter = this.holdWaiters.get(token);
    this.holdWaiters.delete(token);
    waiter?.(wasHeld);
  }

  private addressOf(peerId: string): PeerAddress | undefined {
    const replica = this.membership.replicas().find(({ name }) => name === peerId);
    return replica && peerAddressOf(replica);
  }

  private now(): Instant {
    const { clock } = this.parts;
    return { wall: clock.wallNow(), mono: clock.monoNow() };
  }
}

/** A node of another program in the same gossip counts nothing. */
const isPeer = ({ isSelf, facts }: Replica): boolean => !isSelf && facts !== undefined;
