import { Server, ServerCredentials, status, type ServerDuplexStream } from '@grpc/grpc-js';
import {
  AuthService,
  Event_EventType,
  KVService,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  type RangeResponse,
  type WatchRequest,
  type WatchResponse,
  WatchService,
} from '../../src/gen/etcdserverpb/rpc.js';

export type WatchStream = ServerDuplexStream<WatchRequest, WatchResponse>;

interface Failure {
  readonly code: status;
  readonly details: string;
}

/** The four services of etcd that discovery uses, doing what a test says. */
export class ScriptedEtcd {
  clusterId = 1n;
  revision = 10n;
  readonly keys = new Map<string, Buffer>();
  /** Of the leases that were granted, oldest first. */
  readonly leases: bigint[] = [];
  /** Revisions from which watches were asked for. */
  readonly watchedFrom: bigint[] = [];
  readonly streams = new Set<WatchStream>();
  readonly tokens = new Set<string>();
  ranges = 0;
  puts = 0;
  revoked = 0;

  /** What becomes of things; a test changes them. */
  onWatch: (stream: WatchStream, from: bigint) => void = (stream) => this.created(stream);
  renewedTtl: () => bigint | undefined = () => 30n;
  fails: (method: string) => Failure | undefined = () => undefined;

  private readonly server = new Server();
  private port = 0;

  static async start(): Promise<ScriptedEtcd> {
    const etcd = new ScriptedEtcd();
    etcd.serve();
    await new Promise<void>((resolve, reject) => {
      etcd.server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
        etcd.port = port;
        if (error) reject(error);
        else resolve();
      });
    });
    return etcd;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  header() {
    return { clusterId: this.clusterId, revision: this.revision };
  }

  put(key: string, value: string): void {
    this.revision += 1n;
    this.keys.set(key, Buffer.from(value));
    this.tell(key, Buffer.from(value));
  }

  remove(key: string): void {
    this.revision += 1n;
    this.keys.delete(key);
    this.tell(key, undefined);
  }

  created(stream: WatchStream): void {
    this.streams.add(stream);
    stream.on('close', () => this.streams.delete(stream));
    this.send(stream, { created: true });
  }

  send(stream: WatchStream, response: Partial<WatchResponse>): void {
    stream.write({
      header: this.header(),
      created: false,
      canceled: false,
      compactRevision: 0n,
      cancelReason: '',
      events: [],
      ...response,
    });
  }

  stop(): void {
    this.server.forceShutdown();
  }

  private tell(key: string, value: Buffer | undefined): void {
    const type = value === undefined ? Event_EventType.DELETE : Event_EventType.PUT;
    const kv = { key: Buffer.from(key), value: value ?? Buffer.of(), modRevision: this.revision };
    for (const stream of this.streams) this.send(stream, { events: [{ type, kv }] });
  }

  private serve(): void {
    this.server.addService(KVService, {
      range: this.unary('range', (): RangeResponse => {
        this.ranges += 1;
        const kvs = [...this.keys].map(([key, value]) => ({
          key: Buffer.from(key),
          value,
          modRevision: this.revision,
        }));
        return { header: this.header(), kvs, more: false };
      }),
      put: this.unary('put', ({ key, value }: { key: Buffer; value: Buffer }) => {
        this.puts += 1;
        this.put(key.toString(), value.toString());
        return { header: this.header() };
      }),
    });
    this.server.addService(LeaseService, {
      leaseGrant: this.unary('leaseGrant', ({ ttl }: { ttl: bigint }) => {
        const id = BigInt(this.leases.length + 1);
        this.leases.push(id);
        return { header: this.header(), id, ttl, error: '' };
      }),
      leaseRevoke: this.unary('leaseRevoke', () => {
        this.revoked += 1;
        return { header: this.header() };
      }),
      leaseKeepAlive: (
        stream: ServerDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
      ) => {
        stream.on('data', ({ id }: LeaseKeepAliveRequest) => {
          const ttl = this.renewedTtl();
          if (ttl !== undefined) stream.write({ header: this.header(), id, ttl });
        });
        stream.on('end', () => stream.end());
      },
    });
    this.server.addService(WatchService, {
      watch: (stream: WatchStream) => {
        stream.on('data', ({ requestUnion }: WatchRequest) => {
          const from = requestUnion?.value.startRevision ?? 0n;
          this.watchedFrom.push(from);
          this.onWatch(stream, from);
        });
        stream.on('end', () => stream.end());
      },
    });
    this.server.addService(AuthService, {
      authenticate: this.unary('authenticate', ({ password }: { password: string }) => {
        const token = `token-for-${password}`;
        this.tokens.add(token);
        return { header: this.header(), token };
      }),
    });
  }

  private unary<Q, A>(method: string, answer: (request: Q) => A) {
    return (call: { request: Q }, done: (error: Failure | null, value?: A) => void): void => {
      const failure = this.fails(method);
      if (failure) done(failure);
      else done(null, answer(call.request));
    };
  }
}
