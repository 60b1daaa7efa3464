import type { ClientDuplexStream } from '@grpc/grpc-js';
import {
  AuthService,
  Event_EventType,
  KVService,
  LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  LeaseService,
  type ResponseHeader,
  type WatchRequest,
  type WatchResponse,
  WatchService,
} from '../gen/etcdserverpb/rpc.js';
import { etcdPrefixEnd } from './core/etcd-entry.js';
import { ETCD_KEYS_MAX, type EtcdChange, type EtcdHeader } from './core/etcd-table.js';
import { type EtcdConnection, etcdFailure } from './etcd-connection.js';
import { SourceFailure } from './source-failure.js';

export interface EtcdCredentials {
  readonly username: string;
  readonly password: string;
}

/** What a watch has to say. */
export type EtcdNews =
  | { readonly kind: 'begun'; readonly header: EtcdHeader }
  | {
      readonly kind: 'changes';
      readonly header: EtcdHeader;
      readonly changes: readonly EtcdChange[];
    }
  /** What was asked for is gone: read everything. */
  | { readonly kind: 'compacted' };

/** The handful of questions that discovery has for etcd, over one connection. */
export class EtcdSession {
  constructor(private readonly connection: EtcdConnection) {}

  /** Does nothing where the server asks nobody who they are. */
  async logIn({ username, password }: EtcdCredentials): Promise<void> {
    try {
      const request = { name: username, password };
      const { token } = await this.connection.unary(AuthService.authenticate, request);
      this.connection.setToken(token);
    } catch (error) {
      if (!(error instanceof SourceFailure && error.message.includes('not enabled'))) throw error;
    }
  }

  async grantLease(ttlSeconds: number): Promise<bigint> {
    const request = { ttl: BigInt(ttlSeconds) };
    const { id, error } = await this.connection.unary(LeaseService.leaseGrant, request);
    if (error !== '') throw new SourceFailure(`etcd grants no lease: ${error}`);
    return id;
  }

  async revokeLease(id: bigint): Promise<void> {
    await this.connection.unary(LeaseService.leaseRevoke, { id });
  }

  async put(key: string, value: string, lease: bigint): Promise<void> {
    const request = { key: Buffer.from(key), value: Buffer.from(value), lease };
    await this.connection.unary(KVService.put, request);
  }

  /** All keys below the prefix, and the revision at which this was so. */
  async read(prefix: string): Promise<{ entries: readonly EtcdChange[]; header: EtcdHeader }> {
    const { kvs, more, header } = await this.connection.unary(KVService.range, {
      ...spanOf(prefix),
      limit: BigInt(ETCD_KEYS_MAX),
    });
    if (more) throw new SourceFailure(`more than ${ETCD_KEYS_MAX} keys lie below ${prefix}`);
    const entries = kvs.map(({ key, value }) => ({ key: textOf(key), value: textOf(value) }));
    return { entries, header: headerOf(header) };
  }

  /** Ends when the server ends it. */
  async *watch(prefix: string, startRevision: bigint): AsyncIterable<EtcdNews> {
    const stream: ClientDuplexStream<WatchRequest, WatchResponse> = this.connection.stream(
      WatchService.watch,
    );
    const create = { ...spanOf(prefix), startRevision, progressNotify: true };
    stream.write({ requestUnion: { $case: 'createRequest', value: create } });
    try {
      for await (const response of messagesOf(stream)) yield newsOf(response);
    } finally {
      stream.cancel();
    }
  }

  /** A stream that keeps leases; see {@link EtcdLeaseKeeper}. */
  keepAlive(): ClientDuplexStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> {
    return this.connection.stream(LeaseService.leaseKeepAlive);
  }
}

/** The messages of a stream; its failure is thrown in the words of an operator. */
export async function* messagesOf<A>(stream: ClientDuplexStream<never, A>): AsyncIterable<A> {
  try {
    for await (const message of stream) yield message as A;
  } catch (error) {
    throw etcdFailure(error);
  }
}

function newsOf(response: WatchResponse): EtcdNews {
  if (response.compactRevision > 0n) return { kind: 'compacted' };
  if (response.canceled)
    throw new SourceFailure(`etcd ended the watch: ${response.cancelReason || 'no reason given'}`);
  const header = headerOf(response.header);
  if (response.created) return { kind: 'begun', header };
  const changes = response.events.map(({ type, kv }) => ({
    key: textOf(kv?.key),
    value: type === Event_EventType.DELETE ? undefined : textOf(kv?.value),
  }));
  // A watch that catches up says the revision of the store while older events are still to come.
  const revision = response.events.at(-1)?.kv?.modRevision ?? header.revision;
  return { kind: 'changes', header: { ...header, revision }, changes };
}

const spanOf = (prefix: string): { readonly key: Buffer; readonly rangeEnd: Buffer } => ({
  key: Buffer.from(prefix),
  rangeEnd: Buffer.from(etcdPrefixEnd(prefix)),
});

const textOf = (bytes: Uint8Array | undefined): string =>
  Buffer.from(bytes ?? new Uint8Array()).toString('utf8');

function headerOf(header: ResponseHeader | undefined): EtcdHeader {
  if (header === undefined) throw new SourceFailure('an answer without a header: is this etcd?');
  return { clusterId: header.clusterId, revision: header.revision };
}
