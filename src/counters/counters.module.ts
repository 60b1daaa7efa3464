import { Module } from '@nestjs/common';
import { silenceMsOf } from '../cluster/core/replication-options.js';
import { Random } from '../common/random.js';
import { WeirConfig } from '../config/weir-config.js';
import { CheckpointDriver } from './checkpoint.driver.js';
import { CheckpointStore } from './checkpoint-store.js';
import { CounterEngine } from './counter-engine.js';
import { CountersDriver } from './counters.driver.js';
import { LocalCounterEngine, randomKey } from './local-counter-engine.js';
import { Replication } from './replication.js';
import { ReplicatedCounterEngine } from './replicated-counter-engine.js';
import { PostgresCheckpointStore } from './postgres-checkpoint-store.js';

/** Alone, or one of several: callers cannot tell them apart. */
async function engineFor(
  config: WeirConfig,
  store: CheckpointStore,
  random: Random,
  { identity, driver }: Replication,
): Promise<CounterEngine> {
  const key = await store.fingerprintKey(randomKey(random));
  if (!config.cluster.enabled) return new LocalCounterEngine(config.counters, key);
  const { liveMax } = config.counters;
  const limits = { liveMax, silenceMs: silenceMsOf(config.cluster) };
  const engine = new ReplicatedCounterEngine(limits, key, identity.source);
  if (config.cluster.earlyFlush) engine.store.onUrgent(() => driver.urgent());
  driver.attach(engine.store, engine.keyCheck);
  return engine;
}

@Module({
  providers: [
    CheckpointDriver,
    Replication,
    CountersDriver,
    { provide: CheckpointStore, useClass: PostgresCheckpointStore },
    {
      provide: CounterEngine,
      useFactory: engineFor,
      inject: [WeirConfig, CheckpointStore, Random, Replication],
    },
  ],
  exports: [CheckpointDriver, CounterEngine],
})
export class CountersModule {}
