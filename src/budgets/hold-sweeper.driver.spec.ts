import { describe, expect, it, jest } from '@jest/globals';
import { Clock } from '../common/clock.js';
import { silentLog } from '../common/log.js';
import { SeededRandom } from '../common/seeded-random.js';
import { type MonoMs, monoMs, type WallMs, wallMs } from '../common/time.js';
import type { ExpiryPolicy, Hold } from './core/ledger-item.js';
import { HoldSweeperDriver } from './hold-sweeper.driver.js';
import type { JournalDriver } from './journal/journal.driver.js';
import { MemoryBudgetLedger } from './memory-budget-ledger.js';

class HandClock extends Clock {
  nowMs = 1_000_000;

  wallNow(): WallMs {
    return wallMs(this.nowMs);
  }

  monoNow(): MonoMs {
    return monoMs(this.nowMs);
  }
}

const BUDGET = {
  key: { budgetId: 'b', generation: 1, period: { start: wallMs(0), end: wallMs(10_000_000) } },
  limitNanos: 1_000_000n,
  isEnforced: true,
  thresholdPercents: [],
};

const hold = (n: number, ttlMs: number, onExpiry: ExpiryPolicy): Hold => ({
  kind: 'hold',
  id: `res-${n}`,
  scope: 's',
  reservationKey: `call-${n}`,
  bodyHash: 'ab',
  virtualKeyId: 's',
  teamId: 't',
  customerId: 'c',
  provider: 'p',
  model: 'm',
  amountNanos: 10n,
  floorNanos: 4n,
  onExpiry,
  ttlMs,
  budgets: [BUDGET],
  takes: '',
});

describe('HoldSweeperDriver', () => {
  const clock = new HandClock();
  const open = () => {
    const ledger = new MemoryBudgetLedger(clock);
    const journal = { isClear: false } as { isClear: boolean } & JournalDriver;
    const sweeper = new HoldSweeperDriver(ledger, clock, new SeededRandom(1), silentLog, journal);
    return { ledger, sweeper, journal };
  };

  it('ends what is due by its policy, and leaves the rest', async () => {
    const { ledger, sweeper } = open();
    await ledger.decide([
      hold(1, 100, 'release'),
      hold(2, 100, 'charge_floor'),
      hold(3, 100, 'charge_estimate'),
      hold(4, 101, 'charge_estimate'),
    ]);
    clock.nowMs += 99;
    expect(await sweeper.sweep()).toBe(0);
    clock.nowMs += 1;
    expect(await sweeper.sweep()).toBe(3);
    const [balance] = await ledger.readLevels([BUDGET.key]);
    expect(balance).toMatchObject({ postedNanos: 14n, heldNanos: 10n });
    expect(await sweeper.sweep()).toBe(0);
    expect(await ledger.audit()).toEqual([]);
  });

  it('begins no sweep while debits are journaled, since one may settle a hold', async () => {
    const { ledger, sweeper, journal } = open();
    await ledger.decide([hold(1, 5, 'release')]);
    clock.nowMs += 5;
    jest.useFakeTimers({ doNotFake: ['performance'] });
    sweeper.onApplicationBootstrap();
    await jest.advanceTimersByTimeAsync(3_000);
    expect(await ledger.dueHolds(10)).toHaveLength(1);
    journal.isClear = true;
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await ledger.dueHolds(10)).toEqual([]);
    await sweeper.onModuleDestroy();
    jest.useRealTimers();
  });

  it('ends more than one group', async () => {
    const { ledger, sweeper } = open();
    await ledger.decide(Array.from({ length: 1_201 }, (_, n) => hold(n, 5, 'release')));
    clock.nowMs += 5;
    expect(await sweeper.sweep()).toBe(1_201);
    expect(await ledger.audit()).toEqual([]);
  });
});
