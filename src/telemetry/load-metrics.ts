import { Counter, type Registry } from 'prom-client';
import type { LoadGuardDriver } from '../rpc/load-guard.driver.js';
import { LAG_BOUNDS_SECONDS } from '../rpc/load-stats.js';
import { KeptHistogram } from './kept-histogram.js';
import { registerGauges } from './state-metrics.js';

/** How late the event loop is, and which calls were not worked on because of it. */
export function registerLoadMetrics(registry: Registry, guard: LoadGuardDriver): void {
  const { stats } = guard;
  registerGauges(registry, [
    {
      name: 'weir_overloaded',
      help: '1 while calls are turned away because this process is behind.',
      read: () => (guard.isShedding ? 1 : 0),
    },
  ]);
  void new Counter({
    name: 'weir_calls_turned_away_total',
    help: 'Calls that were not worked on, by method and cause: not ready yet, overload, or a deadline that had passed.',
    labelNames: ['method', 'cause'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [method, causes] of stats.turnedAway)
        for (const [cause, count] of Object.entries(causes)) this.inc({ method, cause }, count);
    },
  });
  void new KeptHistogram({
    name: 'weir_event_loop_lag_seconds',
    help: 'How late the turns of the event loop were, asked every 10 ms.',
    labelNames: [],
    bounds: LAG_BOUNDS_SECONDS,
    registry,
    series: () => [{ labels: {}, buckets: stats.lagBuckets, sum: stats.lagSecondsTotal }],
  });
}
