import type { ConnectRequest, ConnectResponse, PeerMessage } from './core/peer-message.js';
import type {
  HandedReservations,
  ReservationAnswer,
  ReservationQuestion,
  TakenOver,
} from './core/reservation-change.js';
import {
  type AnswerQuestion,
  nothingKnown,
  nothingTaken,
  type PeerAddress,
  type PeerLink,
  type PeerLinkListener,
  type PeerListener,
  PeerTransport,
  type TakeOver,
} from './peer-transport.js';

/** A network in memory, for tests: who listens at an address is reached by all of its transports. */
export class MemoryPeerNetwork {
  private readonly listeners = new Map<string, MemoryPeerTransport>();
  private nextPort = 10_000;

  transport(): MemoryPeerTransport {
    return new MemoryPeerTransport(this);
  }

  register({ host, port }: PeerAddress, transport: MemoryPeerTransport): PeerAddress {
    const bound = { host, port: port === 0 ? this.nextPort++ : port };
    const key = keyOf(bound);
    if (this.listeners.has(key)) throw new Error(`address in use: ${key}`);
    this.listeners.set(key, transport);
    return bound;
  }

  forget(transport: MemoryPeerTransport): void {
    for (const [key, other] of this.listeners) if (other === transport) this.listeners.delete(key);
  }

  at(address: PeerAddress): MemoryPeerTransport | undefined {
    return this.listeners.get(keyOf(address));
  }
}

export class MemoryPeerTransport extends PeerTransport {
  private listener: PeerListener | undefined;
  private answer: AnswerQuestion = nothingKnown;
  private takeOver: TakeOver = nothingTaken;
  private readonly ends = new Set<{ close(): void }>();

  constructor(private readonly network: MemoryPeerNetwork) {
    super();
  }

  listen(address: PeerAddress, listener: PeerListener): Promise<PeerAddress> {
    const bound = this.network.register(address, this);
    this.listener = listener;
    return Promise.resolve(bound);
  }

  open(
    to: PeerAddress,
    listener: PeerLinkListener<ConnectResponse>,
    _timeoutMs: number,
  ): Promise<PeerLink<ConnectRequest>> {
    const peer = this.network.at(to);
    if (peer?.listener === undefined) return Promise.reject(new Error('connection refused'));
    const mine = new MemoryPeerLink<ConnectRequest, ConnectResponse>();
    const theirs = new MemoryPeerLink<ConnectResponse, ConnectRequest>();
    mine.join(theirs, listener);
    theirs.join(mine, peer.listener.accepted(theirs, 'memory'));
    this.ends.add(mine);
    peer.ends.add(theirs);
    return Promise.resolve(mine);
  }

  onQuestion(answer: AnswerQuestion): void {
    this.answer = answer;
  }

  async ask(to: PeerAddress, question: ReservationQuestion): Promise<ReservationAnswer> {
    const peer = this.network.at(to);
    if (peer === undefined) throw new Error('connection refused');
    const answer = peer.answer(question);
    if (answer === undefined) throw new Error('refused');
    return answer;
  }

  onHandOver(takeOver: TakeOver): void {
    this.takeOver = takeOver;
  }

  async handOver(to: PeerAddress, handed: HandedReservations): Promise<TakenOver> {
    const taken = this.network.at(to)?.takeOver(handed);
    if (taken === undefined) throw new Error('connection refused');
    return taken;
  }

  close(): Promise<void> {
    this.network.forget(this);
    this.listener = undefined;
    for (const end of this.ends) end.close();
    return Promise.resolve();
  }
}

class MemoryPeerLink<Out extends PeerMessage, In extends PeerMessage> implements PeerLink<Out> {
  private other: MemoryPeerLink<In, Out> | undefined;
  private listener: PeerLinkListener<In> | undefined;

  join(other: MemoryPeerLink<In, Out>, listener: PeerLinkListener<In>): void {
    this.other = other;
    this.listener = listener;
  }

  send(message: Out): void {
    if (this.listener === undefined) return;
    const { other } = this;
    setImmediate(() => other?.listener?.message(message));
  }

  backlogBytes(): number {
    return 0;
  }

  close(): void {
    if (this.listener === undefined) return;
    this.listener = undefined;
    const { other } = this;
    setImmediate(() => other?.ended());
  }

  private ended(): void {
    const { listener } = this;
    this.listener = undefined;
    listener?.closed('closed by the peer');
  }
}

const keyOf = ({ host, port }: PeerAddress): string => `${host}:${port}`;
