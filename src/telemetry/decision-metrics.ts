import { Counter, type Registry } from 'prom-client';
import type { DecisionCounts } from '../quota/core/decision-counts.js';
import { registerTotals } from './state-metrics.js';

/** What was decided. No label names a customer, a key or a policy: their number has no bound. */
export function registerDecisionMetrics(registry: Registry, counts: DecisionCounts): void {
  void new Counter({
    name: 'weir_checks_total',
    help: 'Checks decided, by decision and reason; dry runs are not counted.',
    labelNames: ['decision', 'reason'],
    registers: [registry],
    collect() {
      this.reset();
      this.inc({ decision: 'allow', reason: '' }, counts.allowed);
      for (const [reason, count] of counts.denied)
        this.inc({ decision: 'deny', reason: reason.toLowerCase() }, count);
    },
  });
  registerTotals(registry, [
    {
      name: 'weir_shadow_denials_total',
      help: 'Checks that a shadow policy would have denied.',
      read: () => counts.shadowDenied,
    },
  ]);
}
