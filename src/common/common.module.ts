import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { Log } from './log.js';
import { Random } from './random.js';
import { SystemClock } from './system-clock.js';
import { SystemRandom } from './system-random.js';

/** Time, chance and the log: what every module may ask for. */
@Global()
@Module({})
export class CommonModule {
  static with(log: Log, clock: Clock = new SystemClock()): DynamicModule {
    return {
      module: CommonModule,
      providers: [
        { provide: Clock, useValue: clock },
        { provide: Random, useClass: SystemRandom },
        { provide: Log, useValue: log },
      ],
      exports: [Clock, Random, Log],
    };
  }
}
