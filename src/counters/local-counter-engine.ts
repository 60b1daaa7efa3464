import { assert } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import { IntervalCache } from '../common/interval-at.js';
import { type Interval, type WallMs, wallMs } from '../common/time.js';
import type { CounterSpec, Demand, Reading, Receipt, TakeOutcome } from './core/counter.js';
import { CounterTable, countsIn, entryOf } from './core/counter-table.js';
import { raised } from './core/tally.js';
import { afterCounting, readWindow } from './core/window-reading.js';
import { CounterEngine, type CounterLimits, type CounterStats } from './counter-engine.js';

/** A demand, the counter that answers it, and what it says. */
interface Question {
  /** The demand's own counter, or the overflow counter of its group. */
  readonly counter: CounterSpec;
  readonly demand: Demand;
  readonly window: Interval;
  readonly reading: Reading;
  /** There is no room for its counter. */
  readonly homeless: boolean;
}

/** When to ask again after all counters were in use: windows end all the time. */
const FULL_RETRY_MS = 1_000;

/** Counts in the memory of this replica, for itself alone. */
export class LocalCounterEngine extends CounterEngine {
  private readonly table: CounterTable;
  private readonly intervals = new IntervalCache();
  /** The latest `now` of all: where the clock is stepped back, windows wait until it has caught up. */
  private latest = wallMs(Number.NEGATIVE_INFINITY);
  private overflowed = 0;
  private refusedFull = 0;
  private droppedReturns = 0;

  constructor(private readonly limits: CounterLimits) {
    super();
    this.table = new CounterTable(limits.liveMax);
  }

  take(demands: readonly Demand[], now: WallMs): TakeOutcome {
    const questions = this.ask(demands, now);
    if (questions.some(({ demand, reading }) => demand.enforced && !reading.admits))
      return { kind: 'refused', readings: questions.map(({ reading }) => reading) };
    this.requireHomes(questions);
    const readings = questions.map((question) => this.count(question));
    return { kind: 'taken', readings, receipt: receiptOf(questions) };
  }

  add(demands: readonly Demand[], now: WallMs): readonly Reading[] {
    return this.ask(demands, now).map((question) => this.count(question));
  }

  giveBack(receipt: Receipt, now: WallMs): void {
    this.advance(now);
    for (const { counter, windowStart, amount } of receipt.entries) {
      const entry = entryOf(this.table.find(counter.name), windowStart);
      if (entry === undefined) this.droppedReturns += 1;
      else entry.returned = raised(entry.returned, amount);
    }
  }

  read(demands: readonly Demand[], now: WallMs): readonly Reading[] {
    return this.ask(demands, now).map(({ reading }) => reading);
  }

  stats(): CounterStats {
    return {
      live: this.table.size,
      liveMax: this.limits.liveMax,
      overflowed: this.overflowed,
      refusedFull: this.refusedFull,
      droppedReturns: this.droppedReturns,
    };
  }

  sweep(count: number, now: WallMs): void {
    this.table.sweep(count, this.advance(now));
  }

  private advance(now: WallMs): WallMs {
    if (now > this.latest) this.latest = now;
    return this.latest;
  }

  /** Finds each counter and reads it; a demand sees what those before it in the call would count. */
  private ask(demands: readonly Demand[], now: WallMs): readonly Question[] {
    const at = this.advance(now);
    const questions: Question[] = [];
    for (const demand of demands) questions.push(this.askOne(demand, questions, at));
    return questions;
  }

  private askOne(demand: Demand, before: readonly Question[], now: WallMs): Question {
    assert(isAmount(demand.amount), 'a demand is an integer, 0 to 2^53 - 1');
    const window = this.windowOf(demand.counter, now);
    const { counter, homeless } = this.homeOf(demand.counter, now);
    const { previous, current } = countsIn(this.table.find(counter.name), window);
    const counts = { previous, current: current + pendingFor(counter, before) };
    const reading = readWindow(counter, counts, { window, now, amount: demand.amount });
    return { counter, demand, window, reading, homeless };
  }

  private windowOf({ algorithm, window }: CounterSpec, now: WallMs): Interval {
    assert(
      algorithm === 'fixed_window' || window.kind === 'duration',
      'a sliding window is a duration',
    );
    return this.intervals.intervalAt(window, now);
  }

  private homeOf(counter: CounterSpec, now: WallMs): { counter: CounterSpec; homeless: boolean } {
    const { name, group } = counter;
    const isLive = this.table.find(name) !== undefined;
    if (isLive || this.table.hasRoomFor(group, now)) return { counter, homeless: false };
    if (group === undefined) return { counter, homeless: true };
    return { counter: overflowOf(counter, group.name), homeless: false };
  }

  private requireHomes(questions: readonly Question[]): void {
    if (!questions.some(({ homeless, demand }) => homeless && demand.enforced)) return;
    this.refusedFull += 1;
    throw new DomainError(
      'RESOURCE_EXHAUSTED',
      `counters.liveMax: all ${this.limits.liveMax} counters are in use; raise it, or limit fewer owners`,
      { retryAfterMs: FULL_RETRY_MS },
    );
  }

  private count(question: Question): Reading {
    const { counter, demand, window, reading, homeless } = question;
    if (homeless) {
      this.refusedFull += 1;
      return reading;
    }
    if (demand.amount === 0) return reading;
    if (counter !== demand.counter) this.overflowed += 1;
    const { current } = this.table.open(counter, window, this.latest);
    current.taken = raised(current.taken, demand.amount);
    return afterCounting(reading, counter, demand.amount);
  }
}

const isAmount = (amount: number): boolean => Number.isSafeInteger(amount) && amount >= 0;

/** Shared by the values of a group that came when there was no room; it has room itself, always. */
function overflowOf(counter: CounterSpec, groupName: string): CounterSpec {
  return { ...counter, name: `${groupName}\0overflow`, group: undefined };
}

/** What earlier demands of the same call would count in the same counter. */
function pendingFor(counter: CounterSpec, before: readonly Question[]): number {
  let pending = 0;
  for (const question of before)
    if (question.counter.name === counter.name) pending += question.demand.amount;
  return pending;
}

function receiptOf(questions: readonly Question[]): Receipt {
  return {
    entries: questions
      .filter(({ demand, homeless }) => demand.amount > 0 && !homeless)
      .map(({ counter, demand, window }) => ({
        counter,
        windowStart: window.start,
        amount: demand.amount,
      })),
  };
}
