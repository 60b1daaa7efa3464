import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { CounterEngine } from './counter-engine.js';

const TICK_MS = 1_000;
/** All counters in a minute, and never so many at once that calls have to wait: about 2 ms of work. */
const TICKS_PER_ROUND = 60;
const SWEPT_PER_TICK_MAX = 20_000;

/** Lets ended windows leave memory when no calls come that would do it in passing. */
@Injectable()
export class CountersDriver implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly engine: CounterEngine,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => this.tick(), TICK_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  tick(): void {
    const count = Math.ceil(this.engine.stats().live / TICKS_PER_ROUND);
    this.engine.sweep(Math.min(count, SWEPT_PER_TICK_MAX), this.clock.wallNow());
  }
}
