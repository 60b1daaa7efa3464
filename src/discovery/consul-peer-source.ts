import { lookup } from 'node:dns/promises';
import { addressText, parseAddress } from '../common/ip-address.js';
import type { Log } from '../common/log.js';
import { serviceUrl } from '../common/service-url.js';
import { AttemptingPeerSource } from './attempting-peer-source.js';
import { ConsulClient } from './consul-client.js';
import {
  type ConsulInstance,
  type ConsulServices,
  consulServiceId,
} from './core/consul-services.js';
import { HttpClient } from './http-client.js';
import type { PeerAddress, SelfAnnouncement } from './peer-source.js';
import { SourceFailure } from './source-failure.js';
import { pause, type SourceAttempt, type SourceLoopOptions } from './source-loop.js';
import { hasTlsFiles, readTlsFiles, type TlsFiles } from './tls-files.js';

export interface ConsulSourceOptions {
  /** `host:port` or a URL; the agent of this host, if there is one. */
  readonly address: string;
  readonly serviceName: string;
  /** What to announce; without it the source only looks. */
  readonly self?: SelfAnnouncement | undefined;
  /** Where to look; without it, in the agent's own. */
  readonly datacenter?: string | undefined;
  readonly token?: (() => Promise<string>) | undefined;
  readonly tls?: TlsFiles | undefined;
  readonly requestTimeoutMs: number;
}

const DEFAULT_PORT = 8500;
const ANSWER_BYTES_MAX = 16 * 1_048_576;

/** However often something changes, questions are this far apart. */
const BETWEEN_QUESTIONS_MS = 100;

/** Answers in a row that may lack ourselves, each asked for a little later: six seconds in sum. */
const MISSED_MAX = 5;

/** Instances that are named in the log; the rest only share their fate of being ignored. */
const SKIPPED_NAMED_MAX = 100;

/** Registers itself with Consul, and follows the instances of the service by blocking queries. */
export class ConsulPeerSource extends AttemptingPeerSource {
  readonly type = 'consul';
  private readonly named = new Set<string>();
  private isRegistered = false;
  /** Of our registrations; the next one differs from one that was never seen. */
  private turn = 0;
  private wasSeen = false;

  constructor(
    private readonly options: ConsulSourceOptions,
    private readonly rim: SourceLoopOptions & { readonly log: Log },
  ) {
    super(rim);
  }

  protected override async takeBack(timeoutMs: number): Promise<void> {
    const { self } = this.options;
    if (self === undefined || !this.isRegistered) return;
    this.isRegistered = false;
    try {
      await this.withClient({ timeoutMs }, (client) => client.deregister(self.replicaId));
    } catch {
      // Consul removes it by itself when its check has failed for a minute.
    }
  }

  protected async once({ signal, found }: SourceAttempt): Promise<void> {
    await this.withClient({ signal }, async (client) => {
      await this.register(client);
      let missed = 0;
      while (!signal.aborted) {
        const services = await client.nextServices();
        if (this.isAmong(services.instances)) {
          missed = 0;
          this.wasSeen = true;
          found(await this.peersOf(services));
        } else {
          missed += 1;
          await this.lookAgain(client, missed);
        }
        await pause(BETWEEN_QUESTIONS_MS * 2 ** missed, signal);
      }
    });
  }

  /**
   * An answer without ourselves is not the whole truth: the agent has lost its state, has not told the
   * servers yet, or the token is not shown everything (before 1.11 Consul does not say so).
   */
  private async lookAgain(client: ConsulClient, missed: number): Promise<void> {
    if (missed > MISSED_MAX)
      throw new SourceFailure(
        `registered, but Consul does not show it; the token needs service:read on "${this.options.serviceName}" and node:read`,
      );
    client.doNotWait();
    if (missed === 1) await this.register(client);
  }

  private async register(client: ConsulClient): Promise<void> {
    const { self } = this.options;
    if (self === undefined) return;
    // Before it is known to have happened: an answer may be lost.
    this.isRegistered = true;
    if (!this.wasSeen) this.turn += 1;
    this.wasSeen = false;
    await client.register(self, this.turn);
  }

  /** Whoever looks in another datacentre is not there. */
  private isAmong(instances: readonly ConsulInstance[]): boolean {
    const { self, serviceName, datacenter } = this.options;
    if (self === undefined || datacenter !== undefined) return true;
    const ownId = consulServiceId(serviceName, self.replicaId);
    return instances.some(({ id }) => id === ownId);
  }

  private async peersOf({ instances, skipped }: ConsulServices): Promise<readonly PeerAddress[]> {
    for (const id of skipped) this.name(id, 'has no address and port');
    const peers = await Promise.all(instances.map((instance) => this.peerOf(instance)));
    return peers.flat();
  }

  /** An instance may be registered under a name: then its addresses are what the name says now. */
  private async peerOf({ id, host, port }: ConsulInstance): Promise<readonly PeerAddress[]> {
    const origin = `consul ${id}`;
    const addr = parseAddress(host);
    if (addr !== undefined) return [{ host: addressText(addr), port, origin }];
    try {
      const found = await lookup(host, { all: true });
      return found.map(({ address }) => ({ host: address, port, origin }));
    } catch {
      this.name(id, `has the name ${host}, which does not resolve`);
      return [];
    }
  }

  private name(id: string, problem: string): void {
    if (this.named.has(id) || this.named.size >= SKIPPED_NAMED_MAX) return;
    this.named.add(id);
    this.rim.log.warn({ id }, `Consul instance ${problem}; ignored`);
  }

  private async withClient(
    bounds: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
    use: (client: ConsulClient) => Promise<void>,
  ): Promise<void> {
    const { address, serviceName, datacenter, token, requestTimeoutMs } = this.options;
    let http: HttpClient | undefined;
    try {
      http = await this.open(bounds.signal ?? new AbortController().signal);
      const timeoutMs = Math.min(requestTimeoutMs, bounds.timeoutMs ?? requestTimeoutMs);
      const settings = { serviceName, datacenter, token, requestTimeoutMs: timeoutMs };
      await use(new ConsulClient(http, settings));
    } catch (error) {
      throw SourceFailure.from(error, `consul at ${address}`);
    } finally {
      http?.close();
    }
  }

  /** Certificates are read anew. */
  private async open(signal: AbortSignal): Promise<HttpClient> {
    const { address, tls = {} } = this.options;
    const url = serviceUrl(address, { port: DEFAULT_PORT, isTls: hasTlsFiles(tls) });
    if (url === undefined) throw new SourceFailure('not an address; write host:port or a URL');
    const base = new URL(url);
    const material = base.protocol === 'https:' ? await readTlsFiles(tls) : undefined;
    return new HttpClient({ base, tls: material, bytesMax: ANSWER_BYTES_MAX, signal });
  }
}
