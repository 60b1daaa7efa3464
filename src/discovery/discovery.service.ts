import { Injectable } from '@nestjs/common';
import { AllowedNetworks } from '../common/allowed-networks.js';
import { Clock } from '../common/clock.js';
import { Log } from '../common/log.js';
import { Random } from '../common/random.js';
import { WeirConfig } from '../config/weir-config.js';
import type { Refusal } from './core/address-filter.js';
import type { PeerSetCounts } from './core/peer-set.js';
import type { SourceStatus } from './core/source-book.js';
import { DiscoveryDriver } from './discovery.driver.js';
import type { PeerJoiner } from './peer-joiner.js';
import { PeerSources, type ReplicaSide } from './peer-sources.js';

export interface DiscoveryStatus {
  readonly sources: readonly SourceStatus[];
  readonly counts: PeerSetCounts;
  /** Addresses that may be called, and why the last call failed, if it did. */
  readonly proposals: readonly {
    readonly key: string;
    readonly origin: string;
    readonly joinError?: string;
  }[];
  readonly refusals: ReadonlyMap<string, Refusal>;
}

/** Proposes replicas to whoever keeps the members, from its start until it is stopped. */
@Injectable()
export class DiscoveryService {
  private driver: DiscoveryDriver | undefined;
  private readonly rim: { readonly clock: Clock; readonly random: Random; readonly log: Log };

  constructor(
    private readonly sources: PeerSources,
    private readonly config: WeirConfig,
    private readonly clock: Clock,
    random: Random,
    log: Log,
  ) {
    this.rim = { clock, random, log };
  }

  /** Begins to look, and to announce this replica where the sources do. Once. */
  async start(side: ReplicaSide, joiner: PeerJoiner): Promise<void> {
    const { allowedAddressSpace } = this.config.cluster.discovery;
    const allowed = new AllowedNetworks(
      allowedAddressSpace,
      'cluster.discovery.allowedAddressSpace',
    );
    this.driver = new DiscoveryDriver(this.sources.make(side), joiner, allowed, this.rim);
    await this.driver.start();
  }

  /** Takes back the announcements, within `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    await this.driver?.stop(timeoutMs);
  }

  /** How many of its sources cannot be asked, or only in part. */
  failingSources(): number {
    const sources = this.driver?.peers.sources(this.clock.monoNow()) ?? [];
    return sources.filter(({ state }) => state === 'failing').length;
  }

  /** `undefined` where it has not started. */
  status(): DiscoveryStatus | undefined {
    const peers = this.driver?.peers;
    if (peers === undefined) return undefined;
    const now = this.clock.monoNow();
    return {
      sources: peers.sources(now),
      counts: peers.counts(now),
      proposals: peers.proposals(),
      refusals: peers.refusals(now),
    };
  }
}
