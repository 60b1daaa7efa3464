import { Counter, Gauge, type Registry } from 'prom-client';
import type { DiscoveryService } from '../discovery/discovery.service.js';

const STATES = ['starting', 'answering', 'failing'] as const;

/** Whether replicas are found, and what becomes of those that are. */
export function registerDiscoveryMetrics(registry: Registry, discovery: DiscoveryService): void {
  registerSources(registry, discovery);
  registerPeers(registry, discovery);
  registerCalls(registry, discovery);
}

function registerSources(registry: Registry, discovery: DiscoveryService): void {
  void new Gauge({
    name: 'weir_discovery_source_state',
    help: '1 for the state that a source of discovery is in.',
    labelNames: ['source', 'state'],
    registers: [registry],
    collect() {
      for (const { source, state: current } of discovery.status()?.sources ?? [])
        for (const state of STATES) this.set({ source, state }, state === current ? 1 : 0);
    },
  });
  void new Gauge({
    name: 'weir_discovery_answer_age_seconds',
    help: 'Since a source of discovery last answered; absent if it never did.',
    labelNames: ['source'],
    registers: [registry],
    collect() {
      for (const { source, answerAgeMs } of discovery.status()?.sources ?? [])
        if (answerAgeMs !== undefined) this.set({ source }, answerAgeMs / 1_000);
    },
  });
}

function registerPeers(registry: Registry, discovery: DiscoveryService): void {
  void new Gauge({
    name: 'weir_discovery_peers',
    help: 'Addresses in the last answers: proposed, refused by the filter, and alive of those proposed.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      const counts = discovery.status()?.counts;
      this.set({ kind: 'proposed' }, counts?.proposed ?? 0);
      this.set({ kind: 'refused' }, counts?.refused ?? 0);
      this.set({ kind: 'alive' }, counts?.alive ?? 0);
    },
  });
}

function registerCalls(registry: Registry, discovery: DiscoveryService): void {
  void new Counter({
    name: 'weir_discovery_total',
    help: 'Since the start: addresses refused, calls that joined a member, calls that failed.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset();
      const counts = discovery.status()?.counts;
      this.inc({ kind: 'refused' }, counts?.refusedTotal ?? 0);
      this.inc({ kind: 'joined' }, counts?.joinedTotal ?? 0);
      this.inc({ kind: 'join_failed' }, counts?.joinFailedTotal ?? 0);
    },
  });
}
