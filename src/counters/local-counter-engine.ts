import { assert } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import type { Random } from '../common/random.js';
import { SystemRandom } from '../common/system-random.js';
import { type WallMs, wallMs } from '../common/time.js';
import { Algorithms } from './core/algorithms.js';
import { isHoldAmount } from './core/concurrency-counters.js';
import { type BusyCounter, BusiestCounters } from './core/busiest-counters.js';
import type { Checkpoint, CheckpointRow } from './core/checkpoint.js';
import { Checkpointer } from './core/checkpointer.js';
import {
  type Correction,
  type CounterSpec,
  type Demand,
  type HandedHold,
  isRefused,
  type Reading,
  type Receipt,
  type ReceiptEntry,
  type TakeOutcome,
} from './core/counter.js';
import { ABSENT } from './core/counter-slab.js';
import { Fingerprinter, type FingerprintKey } from './core/fingerprint.js';
import { type FreshReading, raiseCounted } from './core/fresh-reading.js';
import { timeOf } from './core/merge-rows.js';
import { OverflowCounts } from './core/overflow-counts.js';
import { Population } from './core/population.js';
import type { Replica } from './core/replica.js';
import { CounterEngine, type CounterLimits, type CounterStats } from './counter-engine.js';

/** When to ask again after all counters were in use: windows end all the time. */
const FULL_RETRY_MS = 1_000;
/** Looked at when a call finds all counters in use, in the hope of one that is over. */
const SWEPT_WHEN_FULL = 64;
/** Names kept to find the busiest. */
const BUSIEST_MAX = 512;
/** Groups whose overflows are counted one by one; each is a series of a metric. */
const OVERFLOWS_NAMED_MAX = 1_000;
/** One call in this many is looked at to find the busiest. 2^4, as {@link LocalCounterEngine.sample} draws it. */
const SAMPLED = 16;

/** Counts in the memory of this replica, for itself alone. */
export class LocalCounterEngine extends CounterEngine {
  protected readonly population: Population;
  protected readonly algorithms: Algorithms;
  protected readonly fingerprints: Fingerprinter;
  protected readonly checkpoints: Checkpointer;
  /** The latest `now` of all: where the clock is stepped back, windows wait until it has caught up. */
  protected latest = wallMs(Number.NEGATIVE_INFINITY);
  /** What the last call said that it was. */
  private told = this.latest;
  /** Demands of the call being decided; the arrays may be longer. */
  private asked = 0;
  /** Of the call being decided, by demand: the counter that serves it, if any, and its record. */
  private readonly homes: (CounterSpec | undefined)[] = [];
  private readonly records: number[] = [];
  private readonly busy = new BusiestCounters(BUSIEST_MAX);
  private lot = 0;
  private readonly overflows = new OverflowCounts(OVERFLOWS_NAMED_MAX);
  private refusedFull = 0;
  protected droppedCorrections = 0;

  /** With a replica, it keeps beside each counter what a subclass tells to others and hears of them. */
  constructor(
    limits: CounterLimits,
    key: FingerprintKey = randomKey(new SystemRandom()),
    replica?: Replica,
  ) {
    super();
    this.population = new Population(limits.liveMax);
    this.algorithms = new Algorithms(this.population, limits.holdsMax, replica);
    this.fingerprints = new Fingerprinter(key);
    this.checkpoints = new Checkpointer(this.algorithms, this.fingerprints, replica);
  }

  take(demands: readonly Demand[], now: WallMs): TakeOutcome {
    const at = this.begin(now);
    const readings = this.ask(demands, at);
    this.sample(at);
    if (isRefused(demands, readings)) return { kind: 'refused', readings };
    this.requireHomes(demands);
    const entries = this.count(demands, readings, at);
    return { kind: 'taken', readings, receipt: { entries } };
  }

  takeProvisionally(demands: readonly Demand[], now: WallMs): TakeOutcome {
    return this.take(demands, now);
  }

  commit(_receipt: Receipt, _now: WallMs): void {
    // Nobody is told of it.
  }

  add(demands: readonly Demand[], now: WallMs): readonly Reading[] {
    const at = this.begin(now);
    const readings = this.ask(demands, at);
    this.count(demands, readings, at);
    return readings;
  }

  read(demands: readonly Demand[], now: WallMs): readonly Reading[] {
    return this.ask(demands, this.begin(now));
  }

  giveBack(receipt: Receipt, now: WallMs): void {
    const at = this.begin(now);
    for (const entry of receipt.entries) this.correctOne(entry, -entry.amount, at);
  }

  correct(corrections: readonly Correction[], now: WallMs): void {
    const at = this.begin(now);
    for (const { entry, actual } of corrections) {
      assert(isAmount(actual), 'what was used is an integer, 0 to 2^53 - 1');
      if (actual !== entry.amount) this.correctOne(entry, actual - entry.amount, at);
    }
  }

  renew(entries: readonly ReceiptEntry[], holdMs: number, now: WallMs): boolean {
    const at = this.begin(now);
    let areHeld = true;
    for (const { counter, holdId } of entries) {
      if (holdId === undefined) continue;
      const record = this.find(counter);
      const isHeld =
        record !== ABSENT && this.algorithms.concurrency.renew(record, holdId, holdMs, at);
      areHeld &&= isHeld;
    }
    return areHeld;
  }

  endOf({ counter, holdId }: ReceiptEntry, now: WallMs): WallMs | undefined {
    const at = this.begin(now);
    const record = holdId === undefined ? ABSENT : this.find(counter);
    if (holdId === undefined || record === ABSENT) return undefined;
    return this.algorithms.concurrency.endOf(record, holdId, at);
  }

  takeOver({ counter, amount, endsAt }: HandedHold, now: WallMs): ReceiptEntry | undefined {
    const at = this.begin(now);
    const isSound = counter.algorithm === 'concurrency' && isHoldAmount(amount) && endsAt > at;
    if (!isSound) return undefined;
    const demands = [{ counter, amount, enforced: false, holdMs: endsAt - at }];
    const readings = this.ask(demands, at);
    return this.homes[0] === counter ? this.count(demands, readings, at)[0] : undefined;
  }

  /** Nobody else counts. */
  isContended(_demands: readonly Demand[]): boolean {
    return false;
  }

  sweep(count: number, now: WallMs): void {
    this.algorithms.sweep(count, this.advance(now));
  }

  stats(): CounterStats {
    return {
      live: this.population.live,
      liveMax: this.population.liveMax,
      holds: this.algorithms.concurrency.holds.size,
      bytes: this.algorithms.bytes,
      overflowed: this.overflows.byGroup(),
      refusedFull: this.refusedFull,
      droppedCorrections: this.droppedCorrections,
      clockBehindMs: this.told < this.latest ? this.latest - this.told : 0,
    };
  }

  checkpoint(rowsMax: number): Checkpoint {
    return this.checkpoints.write(rowsMax);
  }

  restore(checkpoint: Checkpoint, now: WallMs): { readonly restored: number } {
    const rows = this.checkpoints.merge(checkpoint, this.advance(now));
    this.goOnFrom(rows);
    return { restored: rows.length };
  }

  /** A clock that was stepped back since the rows were written waits for them. */
  protected goOnFrom(rows: readonly CheckpointRow[]): void {
    for (const row of rows) this.latest = wallMs(Math.max(this.latest, timeOf(row)));
  }

  checkpointAnew(now: WallMs): void {
    this.checkpoints.markAll(this.advance(now));
  }

  busiest(count: number): readonly BusyCounter[] {
    return this.busy.top(count, this.latest);
  }

  protected begin(now: WallMs): WallMs {
    const at = this.advance(now);
    this.algorithms.sweepAsDue(at);
    if (this.population.isFull) this.algorithms.sweep(SWEPT_WHEN_FULL, at);
    return at;
  }

  protected advance(now: WallMs): WallMs {
    this.told = now;
    if (now > this.latest) this.latest = now;
    return this.latest;
  }

  protected find(spec: CounterSpec): number {
    const { fingerprints } = this;
    const { slab } = this.algorithms.of(spec);
    const { place } = spec;
    if (place === undefined) {
      fingerprints.of(spec.name);
      return slab.find(fingerprints);
    }
    fingerprints.noted(spec.name, place);
    if (!slab.isAt(place.record, fingerprints)) place.record = slab.find(fingerprints);
    return place.record;
  }

  /** Finds each counter and reads it; a demand sees what those before it in the call would count. */
  private ask(demands: readonly Demand[], now: WallMs): FreshReading[] {
    const readings: FreshReading[] = [];
    this.asked = demands.length;
    for (const demand of demands) {
      const { amount, counter, roomMin = 0, holdMs = 1 } = demand;
      assert(isAmount(amount), 'a demand is an integer, 0 to 2^53 - 1');
      assert(holdMs > 0, 'a hold lasts for some time');
      const i = readings.length;
      this.settleIn(i, counter);
      const home = this.homes[i] ?? counter;
      const record = this.records[i] ?? ABSENT;
      const before = i === 0 ? 0 : this.countedBefore(i, demands);
      const wanted = before + (amount > roomMin ? amount : roomMin);
      const reading = this.algorithms.of(home).read(record, home, wanted, now);
      if (before > 0) raiseCounted(reading, before);
      readings.push(reading);
    }
    return readings;
  }

  /** Where a counter is, or would be: its own record, or that of the overflow counter of its group. */
  private settleIn(i: number, counter: CounterSpec): void {
    this.homes[i] = counter;
    this.records[i] = this.find(counter);
    if (counter.algorithm === 'concurrency' && this.algorithms.concurrency.holds.isFull) {
      this.homes[i] = undefined;
      return;
    }
    if (this.records[i] !== ABSENT || this.population.hasRoomFor(counter.group)) return;
    const home = counter.group === undefined ? undefined : overflowOf(counter, counter.group.name);
    this.homes[i] = home;
    if (home !== undefined) this.records[i] = this.find(home);
  }

  /** What earlier demands of the same call would count in the counter of demand `i`. */
  private countedBefore(i: number, demands: readonly Demand[]): number {
    const { records, homes } = this;
    const record = records[i];
    let before = 0;
    for (let j = 0; j < i; j++)
      if (records[j] === record && homes[j]?.name === homes[i]?.name)
        before += demands[j]?.amount ?? 0;
    return before;
  }

  /** One call in SAMPLED on average, by lot, so that no rhythm of the traffic can hide in it. */
  private sample(now: WallMs): void {
    this.lot = (Math.imul(this.lot, 1_664_525) + 1_013_904_223) | 0;
    if (this.lot >>> 28 !== 0) return;
    for (let i = 0; i < this.asked; i++) {
      const home = this.homes[i];
      if (home !== undefined) this.busy.offer(home.name, SAMPLED, now);
    }
  }

  private requireHomes(demands: readonly Demand[]): void {
    let i = 0;
    for (const { enforced } of demands)
      if (this.homes[i++] === undefined && enforced) throw this.full();
  }

  private full(): DomainError {
    this.refusedFull += 1;
    const message = this.algorithms.concurrency.holds.isFull
      ? 'all holds of concurrency limits are in use; release them, or let them end sooner'
      : `counters.liveMax: all ${this.population.liveMax} counters are in use; raise it, or limit fewer owners`;
    return new DomainError('RESOURCE_EXHAUSTED', message, { retryAfterMs: FULL_RETRY_MS });
  }

  private count(demands: readonly Demand[], readings: FreshReading[], now: WallMs): ReceiptEntry[] {
    const entries: ReceiptEntry[] = [];
    let i = 0;
    for (const demand of demands) {
      const reading = readings[i];
      const home = this.homes[i];
      if (home === undefined) this.refusedFull += 1;
      else if (demand.amount > 0 && reading !== undefined) {
        const record = this.opened(i, home, now);
        if (home !== demand.counter) this.overflows.add(demand.counter.group?.name ?? '');
        const entry = this.algorithms.of(home).count(record, home, demand, now);
        entries.push(entry);
        raiseCounted(reading, demand.amount);
        // These tell until when something is taken, and that has just changed.
        if (home.algorithm === 'token_bucket' || home.algorithm === 'concurrency')
          reading.window = this.algorithms.of(home).read(record, home, 0, now).window;
        this.counted(record, entry, reading);
      }
      i += 1;
    }
    return entries;
  }

  /** The record of demand `i`, made if it is not there, and not by a demand before it either. */
  private opened(i: number, home: CounterSpec, now: WallMs): number {
    const known = this.records[i] ?? ABSENT;
    if (known !== ABSENT) return known;
    const found = this.find(home);
    if (found !== ABSENT) return found;
    const algorithm = this.algorithms.of(home);
    const record = algorithm.slab.insert(this.fingerprints, home.group?.name);
    algorithm.open(record, home, now);
    return record;
  }

  /** For a subclass that tells others. */
  protected counted(_record: number, _entry: ReceiptEntry, _reading: Reading): void {
    // Nobody is told of it.
  }

  protected correctOne(entry: ReceiptEntry, by: number, now: WallMs): void {
    const record = this.find(entry.counter);
    const algorithm = this.algorithms.of(entry.counter);
    if (record === ABSENT || !algorithm.correct(record, entry, by, now))
      this.droppedCorrections += 1;
  }
}

const isAmount = (amount: number): boolean => Number.isSafeInteger(amount) && amount >= 0;

/** Shared by the values of a group that came when there was no room; it has room itself, always. */
function overflowOf(counter: CounterSpec, groupName: string): CounterSpec {
  return { ...counter, name: `${groupName}\0overflow`, group: undefined, place: undefined };
}

export function randomKey(random: Random): FingerprintKey {
  return { k0: random.uint32(), k1: random.uint32() };
}
