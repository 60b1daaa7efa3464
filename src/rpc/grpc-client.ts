import {
  Client,
  type ClientDuplexStream,
  type ClientOptions,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import type { FieldViolation } from '../common/domain-error.js';
import { BadRequest, RetryInfo, Status } from '../gen/google/rpc/status.js';

/** One method of a generated service definition: a call and its answer, or a stream of them. */
interface ServiceMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  requestSerialize(value: never): Buffer;
  responseDeserialize(bytes: Buffer): unknown;
}

export type ServiceMethods = Readonly<Record<string, ServiceMethod>>;

type RequestOf<M> = M extends { requestSerialize: (value: infer R) => Buffer } ? R : never;
type ResponseOf<M> = M extends { responseDeserialize: (bytes: Buffer) => infer R } ? R : never;

export interface CallSettings {
  /** How long to wait for the answer, in milliseconds. */
  readonly deadlineMs?: number;
}

type UnaryCall<M> = (request: RequestOf<M>, settings?: CallSettings) => Promise<ResponseOf<M>>;
/** Without a deadline, unless one is given. */
type StreamCall<M> = (settings?: CallSettings) => ClientDuplexStream<RequestOf<M>, ResponseOf<M>>;

/** Every method of the service as a promise or a stream, and `close`. */
export type GrpcClient<D> = {
  readonly [K in keyof D]: D[K] extends { readonly requestStream: true }
    ? StreamCall<D[K]>
    : UnaryCall<D[K]>;
} & { close(): void };

export interface GrpcClientOptions {
  /** The deadline of calls that name none, in milliseconds. */
  readonly deadlineMs?: number;
  readonly channel?: ClientOptions;
}

/** A call that was not answered with status OK. */
export class GrpcCallError extends Error {
  override readonly name = 'GrpcCallError';

  constructor(
    readonly code: status,
    message: string,
    readonly details: {
      /** Service and method, such as `weir.v1.QuotaService/CheckLimit`. */
      readonly method: string;
      readonly address: string;
      readonly violations: readonly FieldViolation[];
      /** How long the service asked to wait, in milliseconds. */
      readonly retryAfterMs?: number;
    },
  ) {
    super(message);
  }

  /** The name of the status code, such as `NOT_FOUND`. */
  get codeName(): string {
    return status[this.code] ?? String(this.code);
  }
}

const DEFAULT_DEADLINE_MS = 10_000;

/** A service that restarts is found again within about a second. */
const CHANNEL: ClientOptions = {
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.enable_http_proxy': 0,
};

/**
 * A client over a generated service definition. It connects with the first call.
 *
 * `serviceName` is what errors call the service, such as `weir.v1.QuotaService`.
 */
export function createClient<D extends ServiceMethods>(
  definition: D,
  serviceName: string,
  address: string,
  options: GrpcClientOptions = {},
): GrpcClient<D> {
  const channel = { ...CHANNEL, ...options.channel };
  const client = new Client(address, credentials.createInsecure(), channel);
  const deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const methods = Object.entries(definition).map(([name, method]) => {
    const site = { client, address, method, label: `${serviceName}/${upperFirst(name)}` };
    const call = (request: never, settings: CallSettings = {}): Promise<unknown> =>
      unary(site, request, settings.deadlineMs ?? deadlineMs);
    return [name, method.requestStream ? openerOf(site) : call];
  });
  // The type follows the definition entry by entry, which Object.fromEntries cannot express.
  return Object.fromEntries([...methods, ['close', () => client.close()]]) as GrpcClient<D>;
}

interface CallSite {
  readonly client: Client;
  readonly address: string;
  readonly method: ServiceMethod;
  readonly label: string;
}

function unary(site: CallSite, request: never, deadlineMs: number): Promise<unknown> {
  const { client, method } = site;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<never, unknown>(
      method.path,
      (value) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      request,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error, response) => {
        if (error) reject(toCallError(error, site));
        else resolve(response);
      },
    );
  });
}

function openerOf({ client, method }: CallSite) {
  return ({ deadlineMs }: CallSettings = {}): ClientDuplexStream<never, unknown> =>
    client.makeBidiStreamRequest<never, unknown>(
      method.path,
      (value) => method.requestSerialize(value),
      (bytes) => method.responseDeserialize(bytes),
      new Metadata(),
      deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
    );
}

function toCallError(error: ServiceError, site: CallSite): GrpcCallError {
  const { violations, retryAfterMs } = detailsOf(error.metadata);
  return new GrpcCallError(error.code, error.details, {
    method: site.label,
    address: site.address,
    violations,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

interface StatusDetails {
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs?: number | undefined;
}

function detailsOf(metadata: Metadata | undefined): StatusDetails {
  const bytes = metadata?.get('grpc-status-details-bin')[0];
  if (!(bytes instanceof Uint8Array)) return { violations: [] };
  try {
    return decodeDetails(bytes);
  } catch {
    // Details are an extra: a service that garbles them still gave a code and a message.
    return { violations: [] };
  }
}

function decodeDetails(bytes: Uint8Array): StatusDetails {
  const violations: FieldViolation[] = [];
  let retryAfterMs: number | undefined;
  for (const { typeUrl, value } of Status.decode(bytes).details) {
    if (typeUrl.endsWith('/google.rpc.BadRequest')) {
      violations.push(...BadRequest.decode(value).fieldViolations);
    }
    if (typeUrl.endsWith('/google.rpc.RetryInfo')) {
      const delay = RetryInfo.decode(value).retryDelay;
      if (delay) retryAfterMs = Number(delay.seconds) * 1_000 + delay.nanos / 1_000_000;
    }
  }
  return { violations, retryAfterMs };
}

const upperFirst = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
