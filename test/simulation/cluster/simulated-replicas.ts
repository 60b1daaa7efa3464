/**
 * Replicas that count together under one virtual clock: the real machine and the real engine each, and a
 * network between them that loses, doubles, delays, reorders and cuts. Who is a member is told by a script,
 * with the delays of gossip. A run is its seed: the same seed gives the same run.
 */
import {
  REPLICATION_DEFAULTS,
  type ReplicationOptions,
} from '../../../src/cluster/core/replication-options.js';
import type { CountStore } from '../../../src/cluster/core/count-store.js';
import type { Delta, PeerMessage, Source } from '../../../src/cluster/core/peer-message.js';
import type { LinkState, ReplicationEffect } from '../../../src/cluster/core/replication-effect.js';
import type {
  Instant,
  ReplicationInput,
  StreamId,
} from '../../../src/cluster/core/replication-input.js';
import { ReplicationMachine } from '../../../src/cluster/core/replication-machine.js';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { monoMs, wallMs } from '../../../src/common/time.js';
import type { CounterSpec, TakeOutcome } from '../../../src/counters/core/counter.js';
import { ReplicatedCounterEngine } from '../../../src/counters/replicated-counter-engine.js';
import { EventHeap } from '../gossip/event-heap.js';

export const KEY = { k0: 11, k1: 22 };
/** The one setting that gives a count its meaning here, and what it is if it is wrong. */
export const SETTING = 'counters.key';
export const RIGHT = 'right';
export const WRONG = 'wrong';
/** Wall time at the start of every run. */
export const EPOCH = Date.UTC(2026, 2, 5, 10);

export interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly delayMaxMs: number;
}

/** What may be changed to see that the checkers notice. */
export interface Variant {
  readonly wrapStore?: (engine: ReplicatedCounterEngine) => CountStore;
  readonly changeMachine?: (machine: ReplicationMachine) => void;
  readonly reusesBoot?: boolean;
}

export interface Replica {
  readonly index: number;
  readonly id: string;
  readonly region: string;
  /** What {@link SETTING} is, from the next start on. */
  setting: string;
  boot: number;
  source: Source;
  machine: ReplicationMachine;
  engine: ReplicatedCounterEngine;
  isUp: boolean;
  isJoined: boolean;
  isPaused: boolean;
  /** What this run has said last of its streams, by peer. */
  links: Map<string, { readonly state: LinkState; readonly detail: string }>;
  waiting: (() => void)[];
  /** Its wall clock is ahead of true time by so much. */
  skewMs: number;
  wakeAt: number;
  lastAccepted: number;
}

interface End {
  readonly replica: Replica;
  readonly boot: number;
  readonly stream: StreamId;
  isOver: boolean;
}

/** What the checkers want to see. */
export interface Watch {
  /** A message is about to be sent. */
  sent(from: Replica, message: PeerMessage): void;
  /** A delta was taken in. */
  received(by: Replica, from: Source, delta: { message: Delta; sentAt: number }): void;
  /** Somebody has answered what it knows of a source. */
  pulled(by: Replica, source: Source, sentAt: number): void;
  /** A delta that leaves nothing out was received, and all before it. */
  heard(by: Replica, from: Source, delta: { message: Delta; sentAt: number }): void;
  joined(replica: Replica, isComplete: boolean): void;
  /** Its clock is set, ahead of true time by another amount. */
  skewed(replica: Replica): void;
  flushed(replica: Replica, missing: readonly string[]): void;
}

export class SimulatedReplicas {
  now = 0;
  messages = 0;
  readonly replicas: Replica[] = [];
  readonly notices = new Map<string, number>();
  watch: Watch | undefined;
  cuts: (from: Replica, to: Replica) => boolean = () => false;
  weather: Weather = { loss: 0, duplication: 0, delayMaxMs: 5 };
  private readonly queue = new EventHeap();
  private readonly ends = new Map<string, End>();

  constructor(
    readonly random: SeededRandom,
    private readonly limits: { readonly liveMax: number; readonly entriesMax?: number },
    private readonly variant: Variant = {},
    private readonly timing: Partial<ReplicationOptions> = {},
  ) {}

  run(ms: number): void {
    const end = this.now + ms;
    for (
      let next = this.queue.peek();
      next !== undefined && next <= end;
      next = this.queue.peek()
    ) {
      this.now = next;
      this.queue.pop()?.();
    }
    this.now = end;
  }

  at(delayMs: number, action: () => void): void {
    this.queue.push(this.now + delayMs, action);
  }

  wallOf(replica: Replica) {
    return wallMs(Math.floor(EPOCH + this.now + replica.skewMs));
  }

  /** Takes from one counter, by the replica's own clock. */
  take(replica: Replica, counter: CounterSpec, amount: number): TakeOutcome['kind'] {
    return replica.engine.take([{ counter, amount, enforced: true }], this.wallOf(replica)).kind;
  }

  /** What a replica counts in it now; of a bucket, what is missing. */
  counted(replica: Replica, counter: CounterSpec): number {
    const demands = [{ counter, amount: 0, enforced: true }];
    return replica.engine.read(demands, this.wallOf(replica))[0]?.counted ?? 0;
  }

  add(region: string, setting = RIGHT): Replica {
    const index = this.replicas.length;
    const id = `r${String(index).padStart(2, '0')}`;
    const boot = 1;
    const source = this.sourceFor(id, region, boot);
    const engine = this.engineFor(source);
    const machine = this.machineFor(source, engine, setting);
    const replica: Replica = {
      index,
      id,
      region,
      setting,
      boot,
      source,
      engine,
      machine,
      isUp: true,
      isJoined: false,
      isPaused: false,
      links: new Map(),
      waiting: [],
      skewMs: 0,
      wakeAt: Number.POSITIVE_INFINITY,
      lastAccepted: 0,
    };
    this.replicas.push(replica);
    this.begin(replica);
    return replica;
  }

  setSkew(replica: Replica, skewMs: number): void {
    replica.skewMs = skewMs;
    this.watch?.skewed(replica);
  }

  crash(replica: Replica): void {
    replica.isUp = false;
    replica.isJoined = false;
    replica.waiting = [];
    replica.isPaused = false;
    for (const end of this.ends.values()) if (end.replica === replica) end.isOver = true;
    this.tellMembers(replica, false);
  }

  /** Comes back under its name, as another run, remembering nothing. */
  restart(replica: Replica): void {
    replica.boot += 1;
    const boot = this.variant.reusesBoot === true ? 1 : replica.boot;
    replica.source = this.sourceFor(replica.id, replica.region, boot);
    replica.engine = this.engineFor(replica.source);
    replica.machine = this.machineFor(replica.source, replica.engine, replica.setting);
    replica.links = new Map();
    replica.isUp = true;
    this.begin(replica);
  }

  pause(replica: Replica, ms: number): void {
    replica.isPaused = true;
    this.at(ms, () => {
      replica.isPaused = false;
      for (const action of replica.waiting.splice(0)) action();
    });
  }

  give(replica: Replica, input: ReplicationInput): readonly ReplicationEffect[] {
    if (!replica.isUp) return [];
    const effects = replica.machine.handle(input, this.instantOf(replica));
    for (const effect of effects) this.perform(replica, effect);
    this.arm(replica);
    return effects;
  }

  get live(): readonly Replica[] {
    return this.replicas.filter(({ isUp }) => isUp);
  }

  /** Gossip, as it is heard by each of the others a little later. */
  tellMembers(about: Replica, isAlive: boolean): void {
    const { boot } = about;
    for (const other of this.replicas) {
      if (other === about) continue;
      const delayMs = isAlive ? 50 + this.random.below(400) : 500 + this.random.below(1_500);
      this.at(delayMs, () => {
        if (about.boot !== boot || about.isUp !== isAlive) return;
        this.tellMember(other, about, isAlive);
      });
    }
  }

  tellMember(other: Replica, about: Replica, isAlive: boolean): void {
    const { id, region } = about;
    this.act(other, () =>
      this.give(
        other,
        isAlive ? { kind: 'memberAlive', member: { id, region } } : { kind: 'memberGone', id },
      ),
    );
  }

  /** Now, or when it goes on. */
  act(replica: Replica, action: () => void): void {
    const { boot } = replica;
    const perform = (): void => {
      if (replica.isUp && replica.boot === boot) action();
    };
    if (replica.isPaused) replica.waiting.push(perform);
    else perform();
  }

  private begin(replica: Replica): void {
    replica.wakeAt = Number.POSITIVE_INFINITY;
    const { engine } = replica;
    engine.store.onUrgent(() =>
      this.at(0, () => {
        if (replica.engine === engine)
          this.act(replica, () => this.give(replica, { kind: 'urgent' }));
      }),
    );
    this.give(replica, { kind: 'start' });
    for (const other of this.replicas)
      if (other !== replica && other.isUp)
        this.at(20 + this.random.below(200), () => {
          if (other.isUp) this.tellMember(replica, other, true);
        });
    this.tellMembers(replica, true);
  }

  private sourceFor(replicaId: string, region: string, boot: number): Source {
    return { replicaId, bootId: `b${boot}`, region };
  }

  private engineFor(source: Source): ReplicatedCounterEngine {
    return new ReplicatedCounterEngine(this.limits, KEY, source);
  }

  private machineFor(
    source: Source,
    engine: ReplicatedCounterEngine,
    setting: string,
  ): ReplicationMachine {
    const options = {
      ...REPLICATION_DEFAULTS,
      ...this.timing,
      cluster: 'sim',
      self: source,
      settings: new Map([[SETTING, setting]]),
    };
    const store = this.variant.wrapStore?.(engine) ?? engine.store;
    const random = new SeededRandom(this.random.uint32());
    const machine = new ReplicationMachine(options, store, random);
    this.variant.changeMachine?.(machine);
    return machine;
  }

  instantOf(replica: Replica): Instant {
    return { wall: this.wallOf(replica), mono: monoMs(this.now) };
  }

  private arm(replica: Replica): void {
    const deadline = replica.machine.nextDeadline();
    if (deadline === undefined || deadline >= replica.wakeAt) return;
    const wakeAt = Math.max(this.now, deadline);
    replica.wakeAt = wakeAt;
    const { machine } = replica;
    this.queue.push(wakeAt, () => {
      if (replica.machine !== machine || replica.wakeAt !== wakeAt) return;
      replica.wakeAt = Number.POSITIVE_INFINITY;
      this.act(replica, () => this.give(replica, { kind: 'tick' }));
    });
  }

  private perform(replica: Replica, effect: ReplicationEffect): void {
    if (effect.kind === 'open') this.open(replica, effect.stream, effect.peerId);
    else if (effect.kind === 'send') this.send(replica, effect.stream, effect.message);
    else if (effect.kind === 'close') this.close(replica, effect.stream);
    else if (effect.kind === 'link') replica.links.set(effect.peerId, effect);
    else if (effect.kind === 'joined') {
      replica.isJoined = true;
      this.watch?.joined(replica, effect.isComplete);
    } else if (effect.kind === 'flushed') this.watch?.flushed(replica, effect.missing);
    else if (effect.kind === 'notice')
      this.notices.set(effect.notice, (this.notices.get(effect.notice) ?? 0) + 1);
  }

  private open(from: Replica, stream: StreamId, peerId: string): void {
    const to = this.replicas.find(({ id }) => id === peerId);
    const { boot } = from;
    this.at(1 + this.random.below(this.weather.delayMaxMs), () => {
      if (from.boot !== boot || !from.isUp) return;
      const canReach = to !== undefined && to.isUp && !this.cuts(from, to) && !this.cuts(to, from);
      if (!canReach)
        return this.act(from, () =>
          this.give(from, { kind: 'closed', stream, error: 'unreachable' }),
        );
      this.connect(from, to, stream);
      this.act(from, () => this.give(from, { kind: 'opened', stream }));
      return undefined;
    });
  }

  private connect(from: Replica, to: Replica, stream: StreamId): void {
    const accepted = --to.lastAccepted;
    const mine: End = { replica: to, boot: to.boot, stream: accepted, isOver: false };
    const theirs: End = { replica: from, boot: from.boot, stream, isOver: false };
    this.ends.set(keyOf(from, stream), mine);
    this.ends.set(keyOf(to, accepted), theirs);
    this.act(to, () => this.give(to, { kind: 'accepted', stream: accepted }));
  }

  private send(from: Replica, stream: StreamId, message: PeerMessage): void {
    const end = this.ends.get(keyOf(from, stream));
    this.watch?.sent(from, message);
    this.messages += 1;
    if (end === undefined) return;
    if (end.isOver || !end.replica.isUp || end.replica.boot !== end.boot) {
      this.ends.delete(keyOf(from, stream));
      this.at(this.random.below(2_000), () =>
        this.act(from, () => this.give(from, { kind: 'closed', stream, error: 'reset' })),
      );
      return;
    }
    if (this.cuts(from, end.replica) || this.random.fraction() < this.weather.loss) return;
    const copies = this.random.fraction() < this.weather.duplication ? 2 : 1;
    const parcel = { message, end, from: from.source, sentAt: this.now };
    for (let i = 0; i < copies; i++)
      this.at(1 + this.random.below(this.weather.delayMaxMs), () => this.deliver(parcel));
  }

  private deliver({ message, end, from, sentAt }: Parcel): void {
    const { replica } = end;
    // The last words of one that closes its stream with them are heard.
    const isDropped = (): boolean => end.isOver && message.kind !== 'refusal';
    if (isDropped() || replica.boot !== end.boot) return;
    this.act(replica, () => {
      if (isDropped()) return;
      const effects = this.give(replica, { kind: 'message', stream: end.stream, message });
      if (message.kind === 'state') this.watch?.pulled(replica, message.source, sentAt);
      if (message.kind !== 'delta') return;
      for (const effect of effects) {
        if (effect.kind !== 'send' || effect.message.kind !== 'ack') continue;
        this.watch?.received(replica, from, { message, sentAt });
        if (message.isComplete && effect.message.position >= message.to)
          this.watch?.heard(replica, from, { message, sentAt });
      }
    });
  }

  private close(replica: Replica, stream: StreamId): void {
    const key = keyOf(replica, stream);
    const end = this.ends.get(key);
    this.ends.delete(key);
    if (end === undefined || end.isOver) return;
    for (const [otherKey, other] of this.ends)
      if (other.replica === replica && other.stream === stream) {
        other.isOver = true;
        this.ends.delete(otherKey);
      }
    end.isOver = true;
    this.at(1 + this.random.below(50), () => {
      if (end.replica.boot === end.boot)
        this.act(end.replica, () =>
          this.give(end.replica, { kind: 'closed', stream: end.stream, error: 'closed' }),
        );
    });
  }
}

interface Parcel {
  readonly message: PeerMessage;
  readonly end: End;
  readonly from: Source;
  readonly sentAt: number;
}

const keyOf = ({ id, boot }: Replica, stream: StreamId): string => `${id}/${boot}/${stream}`;
