import { unreachable } from '../common/assert.js';
import type { Log } from '../common/log.js';
import { AttemptingPeerSource } from './attempting-peer-source.js';
import { parseEtcdEndpoint, type EtcdEndpoint } from './core/etcd-endpoint.js';
import { etcdPrefix, etcdValue } from './core/etcd-entry.js';
import { EtcdTable } from './core/etcd-table.js';
import { EtcdConnection } from './etcd-connection.js';
import { EtcdLease } from './etcd-lease.js';
import { type EtcdCredentials, type EtcdNews, EtcdSession } from './etcd-session.js';
import type { SelfAnnouncement } from './peer-source.js';
import { SourceFailure } from './source-failure.js';
import { pause, type SourceAttempt, type SourceLoopOptions } from './source-loop.js';
import { hasTlsFiles, readTlsFiles, type TlsFiles } from './tls-files.js';

export interface EtcdSourceOptions {
  /** `http://host:port`, `https://host:port` or `host:port`; members of one cluster. */
  readonly endpoints: readonly string[];
  readonly serviceName: string;
  /** What to announce; without it the source only looks. */
  readonly self?: SelfAnnouncement | undefined;
  readonly username?: string | undefined;
  /** Asked for at every login, so that it may be rotated. */
  readonly password?: (() => Promise<string>) | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly requestTimeoutMs: number;
  /** How long our key outlives us if we are killed. */
  readonly leaseTtlSeconds?: number;
  /** Everything is read again from time to time, over a new connection. */
  readonly rereadMs?: number;
}

const LEASE_TTL_SECONDS = 30;
const REREAD_MS = 300_000;

/** Foreign keys that are named in the log; the rest only share their fate of being ignored. */
const FOREIGN_KEYS_NAMED_MAX = 100;

/** Our key on a lease, and the keys of the others: read once, then followed by a watch. */
export class EtcdPeerSource extends AttemptingPeerSource {
  readonly type = 'etcd';
  private readonly table = new EtcdTable();
  private readonly lease: EtcdLease;
  private readonly endpoints: readonly EtcdEndpoint[];
  private readonly namedKeys = new Set<string>();
  private turn: number;

  constructor(
    private readonly options: EtcdSourceOptions,
    private readonly rim: SourceLoopOptions & { readonly log: Log },
  ) {
    super(rim);
    const hasTls = hasTlsFiles(options.tls);
    this.endpoints = options.endpoints.flatMap((text) => parseEtcdEndpoint(text, hasTls) ?? []);
    const ttlSeconds = options.leaseTtlSeconds ?? LEASE_TTL_SECONDS;
    const answerMs = Math.min(options.requestTimeoutMs, (ttlSeconds * 1_000) / 3);
    this.lease = new EtcdLease(ttlSeconds, answerMs);
    this.turn = rim.random.below(Math.max(1, this.endpoints.length));
  }

  protected override async takeBack(timeoutMs: number): Promise<void> {
    if (this.lease.current === undefined) return;
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), timeoutMs);
    await this.revoke(giveUp.signal);
    clearTimeout(timer);
  }

  /** Asks one member after another; if none answers in time, the lease runs out by itself. */
  private async revoke(signal: AbortSignal): Promise<void> {
    for (let tries = 0; tries < this.endpoints.length && !signal.aborted; tries++) {
      try {
        return await this.withSession(signal, (session) => this.lease.revoke(session));
      } catch {
        // The next one.
      }
    }
  }

  protected async once({ signal, found }: SourceAttempt): Promise<void> {
    await this.withSession(signal, async (session) => {
      await this.announce(session);
      if (this.table.nextRevision === undefined) await this.read(session);
      const tell = (): void => found(this.table.peers);
      tell();
      await this.live(session, tell);
    });
  }

  private async announce(session: EtcdSession): Promise<void> {
    const { self } = this.options;
    if (self === undefined) return;
    const lease = await this.lease.ensure(session);
    await session.put(this.keyOf(self), etcdValue(self), lease);
  }

  private async read(session: EtcdSession): Promise<void> {
    const { entries, header } = await session.read(this.prefix);
    this.table.replace(entries, header);
    this.nameForeignKeys();
  }

  /** Until the watch has to begin anew, the lease is lost, or it is time to read everything again. */
  private async live(session: EtcdSession, tell: () => void): Promise<void> {
    const ending = new AbortController();
    const { self } = this.options;
    try {
      await Promise.race([
        this.follow(session, tell),
        ...(self === undefined ? [] : [this.lease.keep(session, ending.signal)]),
        this.untilReread(ending.signal),
      ]);
    } finally {
      ending.abort();
    }
  }

  private async follow(session: EtcdSession, tell: () => void): Promise<void> {
    const from = this.table.nextRevision ?? 0n;
    for await (const news of session.watch(this.prefix, from)) {
      if (!this.take(news)) return;
      tell();
    }
  }

  /** False if the session has to begin anew: to read everything, or to put our key again. */
  private take(news: EtcdNews): boolean {
    switch (news.kind) {
      case 'begun':
        if (!this.table.isAnotherHistory(news.header)) return true;
        this.table.forgetRevision();
        return false;
      case 'compacted':
        this.table.forgetRevision();
        return false;
      case 'changes': {
        this.table.apply(news.changes, news.header);
        this.nameForeignKeys();
        const { self } = this.options;
        return self === undefined || this.table.has(this.keyOf(self));
      }
      default:
        return unreachable(news);
    }
  }

  private async untilReread(signal: AbortSignal): Promise<void> {
    await pause(this.options.rereadMs ?? REREAD_MS, signal);
    if (!signal.aborted) this.table.forgetRevision();
  }

  private async withSession(
    signal: AbortSignal,
    use: (session: EtcdSession) => Promise<void>,
  ): Promise<void> {
    const endpoint = this.endpoints[this.turn % this.endpoints.length];
    if (endpoint === undefined) throw new SourceFailure('etcd: no endpoint is given');
    let connection: EtcdConnection | undefined;
    const close = (): void => connection?.close();
    signal.addEventListener('abort', close);
    try {
      const tls = endpoint.isTls ? await readTlsFiles(this.options.tls) : {};
      const credentials = await this.credentials();
      connection = new EtcdConnection(endpoint, tls, this.options.requestTimeoutMs);
      if (signal.aborted) return;
      const session = new EtcdSession(connection);
      if (credentials !== undefined) await session.logIn(credentials);
      await use(session);
    } catch (error) {
      // Another member may know better.
      this.turn += 1;
      throw SourceFailure.from(error, `etcd at ${endpoint.target}`);
    } finally {
      signal.removeEventListener('abort', close);
      close();
    }
  }

  private async credentials(): Promise<EtcdCredentials | undefined> {
    const { username, password } = this.options;
    if (username === undefined || password === undefined) return undefined;
    return { username, password: await password() };
  }

  private nameForeignKeys(): void {
    for (const key of this.table.foreignKeys) {
      if (this.namedKeys.has(key) || this.namedKeys.size >= FOREIGN_KEYS_NAMED_MAX) continue;
      this.namedKeys.add(key);
      this.rim.log.warn(
        { key },
        'etcd key below the prefix of the service is not a replica; ignored',
      );
    }
  }

  private get prefix(): string {
    return etcdPrefix(this.options.serviceName);
  }

  private keyOf({ replicaId }: SelfAnnouncement): string {
    return `${this.prefix}${replicaId}`;
  }
}
