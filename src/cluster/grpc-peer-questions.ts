import { Client, type ChannelCredentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { PeerServiceService } from '../gen/weir/peer/v1/peer_service.js';
import type {
  HandedReservations,
  ReservationAnswer,
  ReservationQuestion,
  TakenOver,
} from './core/reservation-change.js';
import { authorityOf, CLIENT_OPTIONS } from './grpc-peer-options.js';
import type { PeerAddress } from './peer-transport.js';
import {
  answerFromProto,
  handedToProto,
  questionToProto,
  takenFromProto,
} from './reservation-proto.js';

/** Connections that are kept; more replicas than that are asked over ones that come and go. */
const CONNECTIONS_MAX = 64;

/** Questions to peers, each over a connection of its own kind: a stream of counts may be full. */
export class GrpcPeerQuestions {
  private readonly clients = new Map<string, Client>();

  constructor(private readonly credentials: ChannelCredentials) {}

  /** Rejects if no answer comes within the time-out. */
  async ask(
    to: PeerAddress,
    question: ReservationQuestion,
    timeoutMs: number,
  ): Promise<ReservationAnswer> {
    const { changeReservation } = PeerServiceService;
    return answerFromProto(
      await this.call(to, changeReservation, questionToProto(question), timeoutMs),
    );
  }

  /** The same, of what the peer is to keep. */
  async handOver(
    to: PeerAddress,
    handed: HandedReservations,
    timeoutMs: number,
  ): Promise<TakenOver> {
    const { handOver } = PeerServiceService;
    return takenFromProto(await this.call(to, handOver, handedToProto(handed), timeoutMs));
  }

  close(): void {
    for (const client of this.clients.values()) client.close();
    this.clients.clear();
  }

  private async call<Request, Response>(
    to: PeerAddress,
    method: Method<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response> {
    const authority = authorityOf(to);
    const client = this.clientOf(authority);
    try {
      return await call(client, method, request, timeoutMs);
    } catch (error) {
      this.drop(authority, client);
      throw error;
    }
  }

  private clientOf(authority: string): Client {
    const known = this.clients.get(authority);
    if (known !== undefined) return known;
    const [oldest] = this.clients;
    if (oldest !== undefined && this.clients.size >= CONNECTIONS_MAX) this.drop(...oldest);
    const client = new Client(authority, this.credentials, CLIENT_OPTIONS);
    this.clients.set(authority, client);
    return client;
  }

  /** The next question dials at once, instead of waiting as long as grpc-js would. */
  private drop(authority: string, client: Client): void {
    if (this.clients.get(authority) === client) this.clients.delete(authority);
    client.close();
  }
}

interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (request: Request) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Response;
}

function call<Request, Response>(
  client: Client,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  request: Request,
  timeoutMs: number,
): Promise<Response> {
  const options = { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      options,
      (error: ServiceError | null, response?: Response) => {
        if (error === null && response !== undefined) resolve(response);
        else reject(error ?? new Error('an answer without a message'));
      },
    );
  });
}
