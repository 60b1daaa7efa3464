import type { Registry } from 'prom-client';
import type { CheckpointDriver } from '../counters/checkpoint.driver.js';
import type { CounterEngine } from '../counters/counter-engine.js';
import { limitIdOf } from '../quota/core/group-values.js';
import type { CounterSources } from './counter-sources.js';
import {
  type MetricSource,
  registerGauges,
  registerLabelledTotals,
  registerTotals,
} from './state-metrics.js';

/** How full the counters are, what happened when they were, and how much of them a kill would lose. */
export function registerCounterMetrics(registry: Registry, sources: CounterSources): void {
  const { engine, checkpoints } = sources;
  registerGauges(registry, counterGauges(engine));
  registerTotals(registry, counterTotals(engine));
  registerGauges(registry, [
    {
      name: 'weir_counters_checkpoint_age_seconds',
      help: 'Time since all that had been counted in long windows was saved.',
      read: () => checkpoints.state().ageMs / 1_000,
    },
  ]);
  registerTotals(registry, checkpointTotals(checkpoints));
  registerOverflows(registry, engine);
}

/** The engine bounds the number of limits that it names, and so the number of series. */
function registerOverflows(registry: Registry, engine: CounterEngine): void {
  registerLabelledTotals(registry, {
    name: 'weir_counters_overflowed_total',
    help: 'Demands of a limit counted in the overflow counter that its groups share, by policy.',
    label: 'policy',
    read: () =>
      Array.from(engine.stats().overflowed, ([group, count]) => [limitIdOf(group) || group, count]),
  });
}

const counterGauges = (engine: CounterEngine): readonly MetricSource[] => [
  {
    name: 'weir_counters_live',
    help: 'Counters in memory.',
    read: () => engine.stats().live,
  },
  {
    name: 'weir_counters_live_max',
    help: 'Counters that there is room for: counters.liveMax.',
    read: () => engine.stats().liveMax,
  },
  {
    name: 'weir_counters_holds',
    help: 'Holds of concurrency limits that last.',
    read: () => engine.stats().holds,
  },
  {
    name: 'weir_counters_bytes',
    help: 'Memory of counters and holds; it stays at its highest mark.',
    read: () => engine.stats().bytes,
  },
  {
    name: 'weir_counters_clock_behind_seconds',
    help: 'How far the clock is behind the latest time seen: windows wait for it.',
    read: () => engine.stats().clockBehindMs / 1_000,
  },
];

const counterTotals = (engine: CounterEngine): readonly MetricSource[] => [
  {
    name: 'weir_counters_refused_total',
    help: 'Calls and shadow demands that found every counter in use.',
    read: () => engine.stats().refusedFull,
  },
  {
    name: 'weir_counters_dropped_corrections_total',
    help: 'Corrections of a window that was no longer kept, or of a hold that had ended.',
    read: () => engine.stats().droppedCorrections,
  },
];

const checkpointTotals = (checkpoints: CheckpointDriver): readonly MetricSource[] => [
  {
    name: 'weir_counters_checkpoint_rows_written_total',
    help: 'Rows of checkpoints written to the database.',
    read: () => checkpoints.state().rowsWritten,
  },
  {
    name: 'weir_counters_checkpoint_rows_restored_total',
    help: 'Counters taken up from an earlier process at the start.',
    read: () => checkpoints.state().rowsRestored,
  },
  {
    name: 'weir_counters_checkpoint_failures_total',
    help: 'Checkpoints that could not be written; what they held is written later.',
    read: () => checkpoints.state().failures,
  },
];
