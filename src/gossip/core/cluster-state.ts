/**
 * What the rules share: the table, the suspicions, the queues, the awareness, and the list of effects
 * of the step in progress. The rules are functions of this; it decides nothing itself.
 */
import { present } from '../../common/assert.js';
import type { Random } from '../../common/random.js';
import type { MonoMs } from '../../common/time.js';
import { Awareness } from './awareness.js';
import { BroadcastQueue } from './broadcast-queue.js';
import type { Broadcast } from './broadcast-queue.js';
import type { DropReason, GossipEffect, NoticeKind } from './gossip-effect.js';
import { BROADCASTS_MAX, USER_BROADCASTS_MAX } from './gossip-options.js';
import type { GossipOptions } from './gossip-options.js';
import type { MemberEventKind, MemberView } from './member-event.js';
import { COMPOUND_HEADER_BYTES, COMPOUND_PART_BYTES } from './compound.js';
import type { Endpoint } from './endpoint.js';
import { MemberTable } from './member-table.js';
import { takesChecksums } from './member.js';
import type { Member } from './member.js';
import { encodeMessage } from './message-encoder.js';
import type { Alive, PacketMessage, Source } from './messages.js';
import { ReconnectList } from './reconnect-list.js';
import type { Suspicion } from './suspicion.js';

export class ClusterState {
  readonly table: MemberTable;
  readonly suspicions = new Map<string, Suspicion>();
  readonly awareness: Awareness;
  readonly queue: BroadcastQueue;
  readonly userQueue: BroadcastQueue;
  readonly reconnects = new ReconnectList();
  leaving = false;
  private effects: GossipEffect[] = [];
  private lastSeq = 0;

  constructor(
    readonly options: GossipOptions,
    readonly random: Random,
  ) {
    this.table = new MemberTable(options.name, random);
    this.awareness = new Awareness(options.awarenessMaxMultiplier);
    this.queue = new BroadcastQueue(options.retransmitMult, BROADCASTS_MAX);
    this.userQueue = new BroadcastQueue(options.retransmitMult, USER_BROADCASTS_MAX);
  }

  get self(): Member {
    return present(this.table.get(this.options.name), 'the machine has been started');
  }

  get source(): Source {
    return { ...this.options.advertise, name: this.options.name };
  }

  isSelf(name: string): boolean {
    return name === this.options.name;
  }

  /** One counter for our own probes and for those we relay. */
  nextSeq(): number {
    this.lastSeq = this.lastSeq === 0xffff_ffff ? 1 : this.lastSeq + 1;
    return this.lastSeq;
  }

  emit(effect: GossipEffect): void {
    this.effects.push(effect);
  }

  takeEffects(): readonly GossipEffect[] {
    const effects = this.effects;
    this.effects = [];
    return effects;
  }

  drop(reason: DropReason): void {
    this.emit({ kind: 'dropped', reason });
  }

  notice(notice: NoticeKind, node: string): void {
    this.emit({ kind: 'notice', notice, node });
  }

  event(kind: MemberEventKind, member: Member): void {
    this.emit({ kind: 'event', event: { kind, member: viewOf(member) } });
  }

  /** Queues news about a member, in place of older news about it. */
  spread(
    message: PacketMessage & { readonly node: string },
    extra: Pick<Broadcast, 'urgent' | 'token'> = {},
  ): void {
    const broadcast = { name: message.node, message: encodeMessage(message), ...extra };
    for (const token of this.queue.add(broadcast)) this.emit({ kind: 'broadcastDone', token });
  }

  /** Tells somebody directly that it is held dead or gone, so that it can object. */
  accuse(member: Member, to: Endpoint): void {
    const from = member.state === 'left' ? member.name : this.options.name;
    const { name: node, incarnation } = member;
    const parts = [encodeMessage({ kind: 'dead', node, incarnation, from })];
    this.emit({ kind: 'send', to, parts, checksum: takesChecksums(member) });
  }

  /** `message`, and as much news as fits into its packet. The message is always first. */
  sendWithNews(to: Endpoint, message: PacketMessage): void {
    const first = encodeMessage(message);
    const room = this.newsRoomBytes() - first.length;
    this.emit({ kind: 'send', to, parts: [first, ...this.takeNews(room)], checksum: false });
  }

  /** What a packet has left for news: the parts and their lengths. */
  newsRoomBytes(): number {
    return this.options.packetBytesMax - COMPOUND_HEADER_BYTES - this.options.overheadBytes();
  }

  /** News about members first, then the application's, up to so many bytes. */
  takeNews(roomBytes: number): readonly Uint8Array[] {
    const n = this.table.size;
    const members = this.queue.take(roomBytes, COMPOUND_PART_BYTES, n);
    const used = members.messages.reduce((sum, part) => sum + part.length + COMPOUND_PART_BYTES, 0);
    const users = this.userQueue.take(roomBytes - used, COMPOUND_PART_BYTES, n);
    for (const token of members.finished) this.emit({ kind: 'broadcastDone', token });
    return [...members.messages, ...users.messages];
  }

  /** Our own entry as a message. */
  ownAlive(): Alive {
    const { self } = this;
    return {
      kind: 'alive',
      node: self.name,
      incarnation: self.incarnation,
      addr: self.addr,
      port: self.port,
      ...(self.meta === undefined ? {} : { meta: self.meta }),
      vsn: self.vsn,
    };
  }

  setState(member: Member, state: Member['state'], now: MonoMs): void {
    member.state = state;
    member.stateSince = now;
  }
}

export const viewOf = (member: Member): MemberView => ({
  name: member.name,
  addr: member.addr,
  port: member.port,
  meta: member.meta,
  vsn: member.vsn,
  incarnation: member.incarnation,
  state: member.state,
  stateSince: member.stateSince,
  rttMs: member.rttMs,
  routable: member.state === 'alive' && member.probationProbes === 0,
});
