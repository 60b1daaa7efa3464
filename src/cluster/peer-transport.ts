import type { ConnectRequest, ConnectResponse, PeerMessage } from './core/peer-message.js';
import type {
  HandedReservations,
  ReservationAnswer,
  ReservationQuestion,
  TakenOver,
} from './core/reservation-change.js';
import type { Replica } from './replica.js';

/** Where a peer's service listens. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
}

/** Undefined: it has not told, or does not listen. */
export function peerAddressOf({ host, facts }: Replica): PeerAddress | undefined {
  const port = facts?.ports.peer ?? 0;
  return port === 0 ? undefined : { host, port };
}

/** What a link tells its owner. None may throw, and all are called from the event loop. */
export interface PeerLinkListener<In extends PeerMessage> {
  message(message: In): void;
  /**
   * The link is over, by whichever side; nothing comes after. Not called for a link that was closed here.
   */
  closed(error: string): void;
}

/** One stream of messages to a peer, or from it. Keeps order; what is under way at its end is lost. */
export interface PeerLink<Out extends PeerMessage> {
  /** Never throws and never waits. After the end of the link it does nothing. */
  send(message: Out): void;
  /** Bytes that were sent and have not left this process. */
  backlogBytes(): number;
  close(): void;
}

export interface PeerListener {
  /** A peer has connected. Gives the listener of that link; `remote` is for people. */
  accepted(link: PeerLink<ConnectResponse>, remote: string): PeerLinkListener<ConnectRequest>;
}

/** Answers what a peer asks; never throws. Undefined: it is refused, as if nobody was there. */
export type AnswerQuestion = (question: ReservationQuestion) => ReservationAnswer | undefined;

/** Takes over what a peer that leaves has kept; never throws. Undefined: it is refused. */
export type TakeOver = (handed: HandedReservations) => TakenOver | undefined;

/** The answer of whoever takes nothing over. */
export const nothingTaken = (): TakenOver => ({ taken: 0, placesTaken: [] });

/** The answer of whoever keeps no reservations. */
export const nothingKnown = (): ReservationAnswer => ({ kind: 'unknown' });

/**
 * Streams between replicas, and questions beside them. `memory-peer-network.ts` is its twin; `test/contract/peer-transport.contract.ts`
 * says what both must do.
 */
export abstract class PeerTransport {
  /** Starts to listen; port 0 takes a free one. Gives the address in use. */
  abstract listen(address: PeerAddress, listener: PeerListener): Promise<PeerAddress>;

  /** Connects within the time-out; rejects if that fails. */
  abstract open(
    to: PeerAddress,
    listener: PeerLinkListener<ConnectResponse>,
    timeoutMs: number,
  ): Promise<PeerLink<ConnectRequest>>;

  /** Who answers what peers ask; until then nothing is known here. */
  abstract onQuestion(answer: AnswerQuestion): void;

  /** Asks whoever listens there; rejects if no answer comes within the time-out. */
  abstract ask(
    to: PeerAddress,
    question: ReservationQuestion,
    timeoutMs: number,
  ): Promise<ReservationAnswer>;

  /** Who takes over what peers kept; until then nothing is taken. */
  abstract onHandOver(takeOver: TakeOver): void;

  /** Tells whoever listens there to keep them, and gives what it has taken; rejects as {@link ask} does. */
  abstract handOver(
    to: PeerAddress,
    handed: HandedReservations,
    timeoutMs: number,
  ): Promise<TakenOver>;

  /** Cuts every link and stops listening. Nothing is reported after. */
  abstract close(): Promise<void>;
}
