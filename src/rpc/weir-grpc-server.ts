import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { ServerGrpc } from '@nestjs/microservices';
import type { OpenStreams } from './open-streams.js';

export interface GrpcServerOptions {
  readonly host: string;
  readonly port: number;
  readonly maxMessageBytes: number;
  readonly maxConcurrentStreams: number;
  readonly maxSessionMemoryMegabytes: number;
  /** How long calls in flight may take to end once the server is closed. */
  readonly graceMs: number;
  /** Services that Nest's controllers answer, by full name. */
  readonly controllerServices: Readonly<Record<string, ServiceDefinition>>;
  readonly packages: readonly string[];
}

/** Registers a service on the grpc-js server itself, past Nest. */
export type DirectService = (server: Server) => void;

/**
 * Nest's gRPC transport with a server of our own making: it knows the port it got, carries services
 * that do not pass through Nest, and when it closes lets the calls in flight end.
 */
export class WeirGrpcServer extends ServerGrpc {
  /** `host:port`; the port is the real one once {@link listen} is done. */
  address = '';
  private server: Server | undefined;

  constructor(
    private readonly settings: GrpcServerOptions,
    private readonly directServices: readonly DirectService[],
    private readonly openStreams: OpenStreams,
  ) {
    super({ package: [...settings.packages], packageDefinition: settings.controllerServices });
  }

  override async createClient(): Promise<Server> {
    const server = new Server({
      'grpc.max_receive_message_length': this.settings.maxMessageBytes,
      'grpc.max_send_message_length': this.settings.maxMessageBytes,
      'grpc.max_concurrent_streams': this.settings.maxConcurrentStreams,
      'grpc-node.max_session_memory': this.settings.maxSessionMemoryMegabytes,
      'grpc.enable_channelz': 0,
    });
    for (const addTo of this.directServices) addTo(server);
    this.address = await bind(server, this.settings);
    this.server = server;
    return server;
  }

  /** Refuses new calls at once, ends open streams, and waits for the others for at most `graceMs`. */
  override async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.server = undefined;
    this.openStreams.drain();
    await new Promise<void>((resolve) => {
      const deadline = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, this.settings.graceMs);
      server.tryShutdown(() => {
        clearTimeout(deadline);
        resolve();
      });
    });
  }
}

function bind(server: Server, { host, port }: GrpcServerOptions): Promise<string> {
  const authority = host.includes(':') ? `[${host}]` : host;
  return new Promise((resolve, reject) => {
    server.bindAsync(`${authority}:${port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(`${authority}:${bound}`);
      else reject(new Error(`cannot listen for gRPC on ${authority}:${port}: ${error.message}`));
    });
  });
}
