import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { CounterEngine } from './counter-engine.js';

const TICK_MS = 1_000;
/** A record takes 5 ns to look at, so this is a tenth of a millisecond in every second, and 1 at most. */
const SWEPT_PER_TICK_MIN = 20_000;
const SWEPT_PER_TICK_MAX = 200_000;
/** Where there are more than a million, all of them are to be looked at in a minute. */
const TICKS_PER_ROUND = 60;

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
    const share = Math.ceil(this.engine.stats().live / TICKS_PER_ROUND);
    const count = Math.min(SWEPT_PER_TICK_MAX, Math.max(SWEPT_PER_TICK_MIN, share));
    this.engine.sweep(count, this.clock.wallNow());
  }
}
