import { Counter, Gauge, type Registry } from 'prom-client';
import type { CounterEngine } from '../counters/counter-engine.js';

/** How full the counters are, and what happened when they were. */
export function registerCounterMetrics(registry: Registry, engine: CounterEngine): void {
  void new Gauge({
    name: 'weir_counters_live',
    help: 'Counters in memory.',
    registers: [registry],
    collect() {
      this.set(engine.stats().live);
    },
  });
  void new Gauge({
    name: 'weir_counters_live_max',
    help: 'Counters that there is room for: counters.liveMax.',
    registers: [registry],
    collect() {
      this.set(engine.stats().liveMax);
    },
  });
  void new Counter({
    name: 'weir_counters_refused_total',
    help: 'Calls and shadow demands that found every counter in use.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(engine.stats().refusedFull);
    },
  });
}
