import { Gauge, type Registry } from 'prom-client';
import type { ReplicationDriver } from '../cluster/replication.driver.js';
import { registerGauges, registerLabelledTotals } from './state-metrics.js';

/** How the replicas tell each other what they count. */
export function registerReplicationMetrics(
  registry: Registry,
  replication: ReplicationDriver,
): void {
  registerLinks(registry, replication);
  registerPeers(registry, replication);
  registerNotices(registry, replication);
  registerGauges(registry, [
    {
      name: 'weir_cluster_freshness_seconds',
      help: 'How old the oldest news of a live replica of the region is; NaN where it is not known.',
      read: () => (replication.freshnessMs() ?? Number.NaN) / 1_000,
    },
    {
      name: 'weir_cluster_is_relay',
      help: '1 while this replica speaks for its region to other regions.',
      read: () => (replication.isRelay ? 1 : 0),
    },
  ]);
}

function registerLinks(registry: Registry, replication: ReplicationDriver): void {
  void new Gauge({
    name: 'weir_cluster_links',
    help: 'Streams of this replica to its peers, by their state; counts are told over open ones only.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      for (const [state, count] of Object.entries(replication.links.counts()))
        this.set({ state }, count);
    },
  });
}

/** The size of a cluster bounds the number of series. */
function registerPeers(registry: Registry, replication: ReplicationDriver): void {
  void new Gauge({
    name: 'weir_cluster_clock_skew_seconds',
    help: "By how much a peer's clock is ahead of this replica's.",
    labelNames: ['peer'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { peerId, clockSkewMs } of replication.peers())
        if (clockSkewMs !== undefined) this.set({ peer: peerId }, clockSkewMs / 1_000);
    },
  });
}

function registerNotices(registry: Registry, replication: ReplicationDriver): void {
  registerLabelledTotals(registry, {
    name: 'weir_cluster_notices_total',
    help: 'What peers did wrong, by kind.',
    label: 'kind',
    read: () => replication.noticeCounts(),
  });
}
