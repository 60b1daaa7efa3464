import { describe, expect, it } from '@jest/globals';
import { Clock } from '../common/clock.js';
import { monoMs, wallMs } from '../common/time.js';
import { CountersDriver } from './counters.driver.js';
import { LocalCounterEngine } from './local-counter-engine.js';

class SettableClock extends Clock {
  now = 0;
  wallNow = () => wallMs(this.now);
  monoNow = () => monoMs(this.now);
}

describe('CountersDriver', () => {
  it('empties an engine that nobody calls', () => {
    const engine = new LocalCounterEngine({ liveMax: 100_000 });
    const clock = new SettableClock();
    const driver = new CountersDriver(engine, clock);
    const window = { kind: 'duration', durationMs: 60_000, anchorMs: 0 } as const;
    for (let i = 0; i < 50_000; i++) {
      const counter = {
        name: `limit-${i}`,
        algorithm: 'fixed_window',
        window,
        maximum: 1,
      } as const;
      engine.take([{ counter, amount: 1, enforced: true }], wallMs(0));
    }
    clock.now = 60_000;
    for (let second = 0; second < 3; second++) driver.tick();
    expect(engine.stats().live).toBe(0);
  });

  it('stops its timer with the module', () => {
    const driver = new CountersDriver(new LocalCounterEngine({ liveMax: 10 }), new SettableClock());
    driver.onModuleInit();
    driver.onModuleDestroy();
    driver.onModuleDestroy();
  });
});
