import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { EtcdEndpoint } from './core/etcd-endpoint.js';
import { SourceFailure } from './source-failure.js';
import type { TlsMaterial } from './tls-files.js';
import { TrackedCredentials } from './tracked-credentials.js';

interface Method<Q, A> {
  readonly path: string;
  requestSerialize(request: Q): Buffer;
  responseDeserialize(bytes: Buffer): A;
}

/** Answers larger than this are refused by grpc-js before they are held in full. */
const ANSWER_BYTES_MAX = 4 * 1_048_576;

const CHANNEL: ClientOptions = {
  'grpc.enable_http_proxy': 0,
  'grpc.max_receive_message_length': ANSWER_BYTES_MAX,
  // Sockets are this connection's alone, so that closing it closes them.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.enable_retries': 0,
  // A member whose host has vanished answers no ping; etcd allows one in 5 s.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
};

/** gRPC to one member of etcd. Whatever fails is a {@link SourceFailure}. */
export class EtcdConnection {
  private readonly client: Client;
  private readonly credentials: TrackedCredentials;
  private readonly metadata = new Metadata();
  private readonly calls = new Set<{ cancel(): void }>();

  constructor(
    readonly endpoint: EtcdEndpoint,
    tls: TlsMaterial,
    private readonly timeoutMs: number,
  ) {
    this.credentials = new TrackedCredentials(credentialsOf(endpoint, tls));
    this.client = new Client(endpoint.target, this.credentials, CHANNEL);
    // A member that has lost its cluster ends streams instead of leaving them silent.
    this.metadata.set('hasleader', 'true');
  }

  /** What `Authenticate` gave; sent with everything from now on. */
  setToken(token: string): void {
    this.metadata.set('token', token);
  }

  unary<Q, A>(method: Method<Q, A>, request: Q): Promise<A> {
    return new Promise((resolve, reject) => {
      const call = this.client.makeUnaryRequest<Q, A>(
        method.path,
        (value) => method.requestSerialize(value),
        (bytes) => method.responseDeserialize(bytes),
        request,
        this.metadata,
        { deadline: Date.now() + this.timeoutMs },
        (error, answer) => {
          this.calls.delete(call);
          if (error !== null) reject(etcdFailure(error));
          else if (answer === undefined) reject(new SourceFailure('an answer without a message'));
          else resolve(answer);
        },
      );
      this.calls.add(call);
    });
  }

  stream<Q, A>(method: Method<Q, A>): ClientDuplexStream<Q, A> {
    const call = this.client.makeBidiStreamRequest<Q, A>(
      method.path,
      (value) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      this.metadata,
    );
    this.calls.add(call);
    // Readers see errors too; without a listener one that comes between two reads would crash us.
    call.on('error', () => this.calls.delete(call));
    return call;
  }

  /** Ends every call and closes the sockets. */
  close(): void {
    for (const call of this.calls) call.cancel();
    this.calls.clear();
    this.client.close();
    this.credentials.closeSockets();
  }
}

function credentialsOf({ isTls }: EtcdEndpoint, tls: TlsMaterial): ChannelCredentials {
  if (!isTls) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
}

/** etcd's own words, with what to do about those that an operator can do something about. */
export function etcdFailure(error: unknown): SourceFailure {
  if (!isServiceError(error)) return SourceFailure.from(error, 'etcd');
  const advice = adviceFor(error.code, error.details);
  // grpc-js has more to say of a failed connection than an operator wants to read.
  const said = error.details.replace(
    /^No connection established\. Last error: |\s*Resolution note:.*$/g,
    '',
  );
  return new SourceFailure(`${said} (${status[error.code]})${advice}`);
}

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;

function adviceFor(code: status, details: string): string {
  if (details.includes('user name is empty'))
    return '; set cluster.discovery.etcdUsername and etcdPasswordFile';
  if (details.includes('authentication failed'))
    return '; check cluster.discovery.etcdUsername and etcdPasswordFile';
  if (code === status.PERMISSION_DENIED)
    return '; grant the user a role with readwrite on the prefix of the service';
  return '';
}
