import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { DiscoveryService } from '../discovery/discovery.service.js';
import { HealthService } from '../health/health.service.js';
import { RpcRim } from '../rpc/rpc-rim.js';
import { registerClusterMetrics } from './cluster-metrics.js';
import { registerDiscoveryMetrics } from './discovery-metrics.js';
import { registerCounterMetrics } from './counter-metrics.js';
import { journalGauges } from './journal-metrics.js';
import { registerDecisionMetrics } from './decision-metrics.js';
import { registerLoadMetrics } from './load-metrics.js';
import { MetricSources } from './metric-sources.js';
import { registerReplicationMetrics } from './replication-metrics.js';
import { reservationGauges } from './reservation-metrics.js';
import { registerRpcMetrics } from './rpc-metrics.js';
import { registerGauges } from './state-metrics.js';

/** Everything that can be scraped. Its sources keep plain numbers, which are read at each scrape. */
@Injectable()
export class MetricsService {
  private readonly registry = new Registry();

  constructor(
    { guard, observer }: RpcRim,
    { checks, counters, journal, cluster }: MetricSources,
    health: HealthService,
    discovery: DiscoveryService,
  ) {
    collectDefaultMetrics({ register: this.registry });
    registerRpcMetrics(this.registry, observer.stats);
    registerLoadMetrics(this.registry, guard);
    registerDecisionMetrics(this.registry, checks.counts);
    registerCounterMetrics(this.registry, counters);
    registerGauges(this.registry, reservationGauges(checks));
    registerGauges(this.registry, journalGauges(journal));
    registerClusterMetrics(this.registry, cluster);
    registerReplicationMetrics(this.registry, cluster.replication);
    registerDiscoveryMetrics(this.registry, discovery);
    registerGauges(this.registry, [
      {
        name: 'weir_ready',
        help: '1 while this replica decides and takes debits.',
        read: () => (health.condition().state === 'unavailable' ? 0 : 1),
      },
      {
        name: 'weir_degraded',
        help: '1 while something that this replica can do without is not well.',
        read: () => (health.condition().state === 'degraded' ? 1 : 0),
      },
      {
        name: 'weir_database_reachable',
        help: '1 if the last round trip to the database succeeded.',
        read: () => (health.parts().databaseReachable ? 1 : 0),
      },
      {
        name: 'weir_governance_age_seconds',
        help: 'Time since policies were last known to be current.',
        read: () => (health.parts().governanceAgeMs ?? Number.NaN) / 1_000,
      },
    ]);
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }
}
