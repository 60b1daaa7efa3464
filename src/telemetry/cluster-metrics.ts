import { Gauge, type Registry } from 'prom-client';
import type { ClusterReport } from '../cluster/cluster-report.js';
import type { MembershipService } from '../cluster/membership.service.js';
import { registerGauges, registerLabelledTotals } from './state-metrics.js';

const STATES = ['alive', 'suspect', 'dead', 'left'] as const;

/** Who counts with this replica, and how the gossip between them is doing. */
export function registerClusterMetrics(registry: Registry, cluster: ClusterReport): void {
  const { membership } = cluster;
  registerMembers(registry, membership);
  registerCounts(registry, membership);
  registerGauges(registry, [
    {
      name: 'weir_cluster_replicas_disagreeing',
      help: 'Live replicas with which no counts are exchanged because they differ; health names them.',
      read: () => cluster.ailments().differingReplicas.length,
    },
    {
      name: 'weir_gossip_health_score',
      help: 'How much this replica doubts itself; 0 is healthy.',
      read: () => membership.gossipStatus()?.healthScore ?? 0,
    },
    {
      name: 'weir_gossip_queued_broadcasts',
      help: 'News that waits to be spread.',
      read: () => membership.gossipStatus()?.queuedBroadcasts ?? 0,
    },
    {
      name: 'weir_gossip_queued_messages',
      help: 'Messages of other replicas that wait to be handled.',
      read: () => membership.gossipStatus()?.queuedMessages ?? 0,
    },
  ]);
}

function registerMembers(registry: Registry, membership: MembershipService): void {
  void new Gauge({
    name: 'weir_cluster_members',
    help: 'Members that this replica knows, itself included, by their state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      const replicas = membership.replicas();
      for (const state of STATES) {
        this.set({ state }, replicas.filter((replica) => replica.state === state).length);
      }
    },
  });
}

/** Their names are a closed list in the gossip, so the number of series is bounded. */
function registerCounts(registry: Registry, membership: MembershipService): void {
  registerLabelledTotals(registry, {
    name: 'weir_gossip_total',
    help: 'What the gossip has seen, by kind: packets, bytes, streams, events, notices, drops, faults.',
    label: 'kind',
    read: () => Object.entries(membership.gossipStatus()?.counts ?? {}),
  });
}
