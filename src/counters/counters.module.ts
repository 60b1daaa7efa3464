import { Module } from '@nestjs/common';
import { Random } from '../common/random.js';
import { WeirConfig } from '../config/weir-config.js';
import { CheckpointDriver } from './checkpoint.driver.js';
import { CheckpointStore } from './checkpoint-store.js';
import { CounterEngine } from './counter-engine.js';
import { CountersDriver } from './counters.driver.js';
import { LocalCounterEngine, randomKey } from './local-counter-engine.js';
import { PostgresCheckpointStore } from './postgres-checkpoint-store.js';

@Module({
  providers: [
    CheckpointDriver,
    CountersDriver,
    { provide: CheckpointStore, useClass: PostgresCheckpointStore },
    {
      provide: CounterEngine,
      useFactory: async (config: WeirConfig, store: CheckpointStore, random: Random) =>
        new LocalCounterEngine(config.counters, await store.fingerprintKey(randomKey(random))),
      inject: [WeirConfig, CheckpointStore, Random],
    },
  ],
  exports: [CheckpointDriver, CounterEngine],
})
export class CountersModule {}
