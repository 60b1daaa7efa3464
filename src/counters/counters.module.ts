import { Module } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import { CounterEngine } from './counter-engine.js';
import { CountersDriver } from './counters.driver.js';
import { LocalCounterEngine } from './local-counter-engine.js';

@Module({
  providers: [
    CountersDriver,
    {
      provide: CounterEngine,
      useFactory: (config: WeirConfig) => new LocalCounterEngine(config.counters),
      inject: [WeirConfig],
    },
  ],
  exports: [CounterEngine],
})
export class CountersModule {}
