import { Injectable } from '@nestjs/common';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { Clock } from '../common/clock.js';
import { type Interval, MINUTE_MS, type MonoMs } from '../common/time.js';
import type { BusyCounter } from '../counters/core/busiest-counters.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Limit } from '../governance/core/model.js';
import { GovernanceService } from '../governance/governance.service.js';
import { type CounterName, parseCounterName } from './core/counter-name.js';
import { counterOf } from './owner-plan.js';

/** A busy counter, its limit, and what it has counted now. */
export interface InspectedCounter {
  readonly busy: BusyCounter;
  readonly state: CounterState | undefined;
}

export interface CounterState {
  readonly limit: Limit;
  readonly name: CounterName;
  readonly counted: number;
  readonly window: Interval;
}

export interface BusiestCounters {
  readonly counters: readonly InspectedCounter[];
  /** How long the questions were counted that say what is busy. */
  readonly observedMs: number;
}

/** What this replica is asked for most, in the words of those who declared it. */
@Injectable()
export class BusiestCountersService {
  private readonly startedAt: MonoMs;

  constructor(
    private readonly engine: CounterEngine,
    private readonly governance: GovernanceService,
    private readonly clock: Clock,
    private readonly replica: ReplicaIdentity,
  ) {
    this.startedAt = clock.monoNow();
  }

  list(count: number): BusiestCounters {
    const counters = this.engine
      .busiest(count)
      .map((busy) => ({ busy, state: this.stateOf(busy) }));
    return { counters, observedMs: this.observedMs() };
  }

  /** The present minute and the one before, or since the start. */
  private observedMs(): number {
    const runningMs = this.clock.monoNow() - this.startedAt;
    return Math.min(runningMs, MINUTE_MS + (this.clock.wallNow() % MINUTE_MS));
  }

  private stateOf({ name: text }: BusyCounter): CounterState | undefined {
    const name = parseCounterName(text);
    const limit = name && this.governance.limit(name.limitId);
    if (name === undefined || limit?.generation !== name.generation) return undefined;
    const counter = { ...counterOf(limit, text, this.replica.facts.region), group: undefined };
    const demand = { counter, amount: 0, enforced: true };
    const [reading] = this.engine.read([demand], this.clock.wallNow());
    return reading && { limit, name, counted: reading.counted, window: reading.window };
  }
}
