import {
  Client,
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  type ChangeReservationRequest,
  type ChangeReservationResponse,
  type ConnectRequest as RequestProto,
  type ConnectResponse as ResponseProto,
  type HandOverRequest,
  type HandOverResponse,
  PeerServiceService,
} from '../gen/weir/peer/v1/peer_service.js';
import type { ConnectRequest, ConnectResponse, PeerMessage } from './core/peer-message.js';
import type {
  HandedReservations,
  ReservationAnswer,
  ReservationQuestion,
  TakenOver,
} from './core/reservation-change.js';
import { GrpcPeerLink } from './grpc-peer-link.js';
import { authorityOf, CLIENT_OPTIONS, SERVER_OPTIONS } from './grpc-peer-options.js';
import { GrpcPeerQuestions } from './grpc-peer-questions.js';
import type { PeerCredentials } from './peer-credentials.js';
import {
  requestFromProto,
  requestToProto,
  responseFromProto,
  responseToProto,
} from './peer-proto.js';
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
import {
  answerToProto,
  handedFromProto,
  questionFromProto,
  takenToProto,
} from './reservation-proto.js';

/** Streams of `weir.peer.v1` over grpc-js, with or without mutual TLS. */
export class GrpcPeerTransport extends PeerTransport {
  private server: Server | undefined;
  private readonly links = new Set<{ close(): void }>();
  private readonly questions: GrpcPeerQuestions;
  private answer: AnswerQuestion = nothingKnown;
  private takeOver: TakeOver = nothingTaken;

  constructor(private readonly credentials: PeerCredentials) {
    super();
    this.questions = new GrpcPeerQuestions(credentials.client);
  }

  onQuestion(answer: AnswerQuestion): void {
    this.answer = answer;
  }

  ask(
    to: PeerAddress,
    question: ReservationQuestion,
    timeoutMs: number,
  ): Promise<ReservationAnswer> {
    return this.questions.ask(to, question, timeoutMs);
  }

  onHandOver(takeOver: TakeOver): void {
    this.takeOver = takeOver;
  }

  handOver(to: PeerAddress, handed: HandedReservations, timeoutMs: number): Promise<TakenOver> {
    return this.questions.handOver(to, handed, timeoutMs);
  }

  async listen(address: PeerAddress, listener: PeerListener): Promise<PeerAddress> {
    const server = new Server(SERVER_OPTIONS);
    server.addService(PeerServiceService, {
      connect: (call: ServerDuplexStream<RequestProto, ResponseProto>) =>
        this.accept(call, listener),
      changeReservation: (
        { request }: ServerUnaryCall<ChangeReservationRequest, ChangeReservationResponse>,
        done: sendUnaryData<ChangeReservationResponse>,
      ) => this.answered(request, done),
      handOver: (
        { request }: ServerUnaryCall<HandOverRequest, HandOverResponse>,
        done: sendUnaryData<HandOverResponse>,
      ) => {
        const taken = this.takeOver(handedFromProto(request));
        if (taken === undefined) done(LEAVING);
        else done(null, takenToProto(taken));
      },
    });
    const port = await bind(server, address, this.credentials);
    this.server = server;
    return { host: address.host, port };
  }

  async open(
    to: PeerAddress,
    listener: PeerLinkListener<ConnectResponse>,
    timeoutMs: number,
  ): Promise<PeerLink<ConnectRequest>> {
    const client = new Client(authorityOf(to), this.credentials.client, CLIENT_OPTIONS);
    try {
      await connected(client, timeoutMs);
    } catch (error) {
      client.close();
      throw error;
    }
    const stream = streamOn(client);
    const hangUp = (): void => {
      stream.cancel();
      client.close();
    };
    const wire = { encode: requestToProto, decode: responseFromProto, hangUp };
    return this.keep(new GrpcPeerLink(stream, wire), listener);
  }

  close(): Promise<void> {
    for (const link of this.links) link.close();
    this.links.clear();
    this.questions.close();
    // Streams are for ever: there is nothing that a graceful end could wait for.
    this.server?.forceShutdown();
    this.server = undefined;
    return Promise.resolve();
  }

  private accept(
    call: ServerDuplexStream<RequestProto, ResponseProto>,
    listener: PeerListener,
  ): void {
    const link = new GrpcPeerLink<ConnectResponse, ConnectRequest, ResponseProto, RequestProto>(
      call,
      {
        encode: responseToProto,
        decode: requestFromProto,
        hangUp: () =>
          call.emit('error', { code: status.UNAVAILABLE, details: 'closed by this replica' }),
      },
    );
    this.keep(link, listener.accepted(link, call.getPeer()));
  }

  /** A question of a later release is answered as one about what nobody knows. */
  private answered(
    request: ChangeReservationRequest,
    done: sendUnaryData<ChangeReservationResponse>,
  ): void {
    const question = questionFromProto(request);
    const answer = question === undefined ? nothingKnown() : this.answer(question);
    if (answer === undefined) done(LEAVING);
    else done(null, answerToProto(answer));
  }

  private keep<Out extends PeerMessage, In extends PeerMessage, OutProto, InProto>(
    link: GrpcPeerLink<Out, In, OutProto, InProto>,
    listener: PeerLinkListener<In>,
  ): PeerLink<Out> {
    this.links.add(link);
    link.listen(listener, () => this.links.delete(link));
    return link;
  }
}

const LEAVING = { code: status.UNAVAILABLE, details: 'this replica leaves' };

function streamOn(client: Client): ClientDuplexStream<RequestProto, ResponseProto> {
  const { path, requestSerialize, responseDeserialize } = PeerServiceService.connect;
  return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, new Metadata());
}

/** Rejects at the first refusal, instead of trying again until the time is up, as grpc-js would. */
function connected(client: Client, timeoutMs: number): Promise<void> {
  const channel = client.getChannel();
  const deadline = Date.now() + timeoutMs;
  return new Promise((resolve, reject) => {
    const look = (late: Error | undefined): void => {
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY) resolve();
      else if (state === connectivityState.TRANSIENT_FAILURE)
        reject(new Error('the connection was refused, or the certificates do not fit'));
      else if (late !== undefined) reject(new Error(`no connection within ${timeoutMs} ms`));
      else channel.watchConnectivityState(state, deadline, (error) => look(error ?? undefined));
    };
    look(undefined);
  });
}

function bind(
  server: Server,
  address: PeerAddress,
  { server: shown }: PeerCredentials,
): Promise<number> {
  const authority = authorityOf(address);
  return new Promise((resolve, reject) => {
    server.bindAsync(authority, shown, (error, port) => {
      if (error === null) resolve(port);
      else reject(new Error(`cannot listen for peers on ${authority}: ${error.message}`));
    });
  });
}
