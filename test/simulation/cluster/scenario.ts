/** One seed: how many replicas, which faults, which traffic; and what became of it. */
import type {
  BucketSpec,
  ConcurrencySpec,
  CounterSpec,
  Demand,
  ReceiptEntry,
} from '../../../src/counters/core/counter.js';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { BucketViews } from './bucket-views.js';
import { Checkers, Violation } from './checkers.js';
import {
  type Replica,
  RIGHT,
  SimulatedReplicas,
  type Variant,
  WRONG,
} from './simulated-replicas.js';

export const FAULTS = [
  'loss',
  'duplication',
  'delay',
  'partition',
  'oneWay',
  'crash',
  'regionLost',
  'restart',
  'pause',
  'skew',
  'jump',
  'join',
  'leave',
  'suspicion',
  'settings',
] as const;
export type Fault = (typeof FAULTS)[number];

export interface Outcome {
  readonly seed: number;
  readonly replicas: number;
  readonly regions: number;
  operations: number;
  denials: number;
  refusedFull: number;
  restartsInLiveWindow: number;
  flushes: number;
  entriesChecked: number;
  /** What replicas missed in a bucket that one of them had emptied. */
  levelsCompared: number;
  /** Links that both replicas have called refused for the setting that differs. */
  refusals: number;
  messages: number;
  readonly faults: Map<Fault, number>;
}

const WINDOW_MS = 20_000;
/** After a start of the run: then a window begins in the middle of it that lasts longer than the run. */
const WINDOW_STARTS_MS = 10_000;
const STEP_MS = 5;
/** When all is healed. */
const SETTLING_MS = 9_000;
/** Until all have heard of a take, in every region; less than an empty bucket takes to fill. */
const LEVELLING_MS = 700;
const LOTS_OF_SETTINGS = 1_000_003;

export function runScenario(seed: number, variant: Variant = {}): Outcome {
  return new Scenario(seed, variant).run();
}

class Scenario {
  private readonly random: SeededRandom;
  private readonly cluster: SimulatedReplicas;
  private readonly checkers: Checkers;
  private readonly counters: readonly CounterSpec[];
  private readonly receipts = new Map<
    string,
    { replica: Replica; boot: number; entries: readonly ReceiptEntry[] }[]
  >();
  private readonly isTight: boolean;
  private readonly isLarge: boolean;
  private readonly outcome: Outcome;
  private readonly cut = new Map<string, boolean>();
  private readonly liveMax: number;

  constructor(seed: number, variant: Variant) {
    this.random = new SeededRandom(seed);
    this.isLarge = seed % 125 === 60;
    this.isTight = seed % 20 === 7;
    const count = this.isLarge ? 20 + this.random.below(31) : 3 + this.random.below(5);
    const regions = this.random.below(3) === 0 ? 2 + this.random.below(2) : 1;
    this.counters = countersOf(this.random, this.isLarge ? 0 : WINDOW_STARTS_MS);
    this.liveMax = this.isTight ? 5 : 10_000;
    const timing = this.isLarge ? { syncIntervalMs: 200, heartbeatMs: 500 } : {};
    this.cluster = new SimulatedReplicas(this.random, { liveMax: this.liveMax }, variant, {
      joinWaitMs: 1_500,
      digestIntervalMs: 1_000,
      regionSyncIntervalMs: 200,
      ...timing,
    });
    const views = this.counters
      .filter(isBucket)
      .filter(isPure)
      .map((each) => new BucketViews(each));
    this.checkers = new Checkers(this.cluster, this.counters, views);
    this.cluster.watch = this.checkers;
    this.cluster.cuts = (from, to) => this.cut.get(`${from.id}>${to.id}`) === true;
    this.outcome = {
      seed,
      replicas: count,
      regions,
      operations: 0,
      denials: 0,
      refusedFull: 0,
      restartsInLiveWindow: 0,
      flushes: 0,
      entriesChecked: 0,
      refusals: 0,
      levelsCompared: 0,
      messages: 0,
      faults: new Map(),
    };
    for (let i = 0; i < count; i++) this.addReplica(`region-${i % regions}`);
  }

  run(): Outcome {
    const { cluster, random, outcome } = this;
    cluster.run(2_000);
    this.planFaults();
    const traffic = this.isLarge ? 4_000 : 15_000;
    const end = cluster.now + traffic;
    while (cluster.now < end) {
      const burst = random.below(40) === 0 ? 20 : 1 + random.below(2);
      for (let i = 0; i < burst; i++) this.operate();
      cluster.run(STEP_MS);
    }
    this.heal();
    this.mendSettings();
    cluster.run(SETTLING_MS);
    outcome.messages = cluster.messages;
    outcome.restartsInLiveWindow = this.checkers.restartsInLiveWindow;
    this.checkMemory();
    if (!this.isTight) this.checkers.settled();
    if (!this.isTight) this.checkLevels();
    outcome.flushes = this.checkers.flushes;
    outcome.entriesChecked = this.checkers.entriesChecked;
    outcome.refusals = this.checkers.refusals;
    outcome.levelsCompared = this.checkers.levelsCompared;
    return outcome;
  }

  private addReplica(region: string, setting = RIGHT): Replica {
    const replica = this.cluster.add(region, setting);
    this.checkers.began(replica);
    return replica;
  }

  private planFaults(): void {
    const { cluster, random } = this;
    // One run in ten is calm.
    if (this.outcome.seed % 10 === 0) return;
    const span = this.isLarge ? 3_000 : 11_000;
    if (random.below(2) === 0) this.setWeather();
    for (const replica of cluster.replicas)
      if (random.below(3) === 0) {
        this.met('skew');
        cluster.setSkew(replica, random.below(4_000) - 2_000);
      }
    const count = 1 + random.below(6);
    for (let i = 0; i < count; i++) cluster.at(random.below(span), () => this.strike());
    // Drawn apart, so that other seeds are as they would be without this fault.
    const lots = new SeededRandom(this.outcome.seed + LOTS_OF_SETTINGS);
    if (lots.below(6) === 0) cluster.at(lots.below(span), () => this.misset(lots));
  }

  /** One joins, or starts again, with a setting that gives its counts another meaning. */
  private misset(lots: SeededRandom): void {
    const { cluster } = this;
    const able = cluster.live.filter(({ isPaused }) => !isPaused);
    const victim = able[lots.below(able.length)];
    if (victim === undefined || cluster.live.length < 2) return;
    this.met('settings');
    const joins = lots.below(3) === 0;
    const replica = joins ? this.addReplica(victim.region, WRONG) : victim;
    if (!joins) this.crashInto(replica, WRONG);
    // Or all is quiet before it is mended.
    if (lots.below(2) === 0)
      cluster.at(2_000 + lots.below(6_000), () => this.crashInto(replica, RIGHT));
  }

  /** It starts again with another setting. */
  private crashInto(replica: Replica, setting: string): void {
    if (replica.isUp && this.cluster.live.length < 2) return;
    replica.setting = setting;
    if (replica.isUp) this.crash(replica);
  }

  /** Who still has the wrong setting is refused by all that it meets; then it gets the right one. */
  private mendSettings(): void {
    const { cluster } = this;
    const wrong = cluster.replicas.filter(({ setting }) => setting === WRONG);
    if (wrong.length === 0) return;
    cluster.run(SETTLING_MS);
    this.checkers.disagreed();
    if (!this.isTight) this.checkers.settled();
    for (const replica of wrong) {
      replica.setting = RIGHT;
      this.checkers.crashing(replica);
      cluster.crash(replica);
    }
    cluster.run(500);
    for (const replica of wrong) this.restart(replica);
  }

  private setWeather(): void {
    const { random } = this;
    const loss = random.below(2) === 0 ? random.fraction() * 0.3 : 0;
    const duplication = random.below(2) === 0 ? random.fraction() * 0.3 : 0;
    const delayMaxMs = random.below(2) === 0 ? 20 + random.below(400) : 5;
    if (loss > 0) this.met('loss');
    if (duplication > 0) this.met('duplication');
    if (delayMaxMs > 5) this.met('delay');
    this.cluster.weather = { loss, duplication, delayMaxMs };
  }

  private strike(): void {
    const { random, cluster } = this;
    const live = cluster.live.filter(({ isPaused }) => !isPaused);
    const victim = live[random.below(live.length)];
    if (victim === undefined) return;
    switch (random.below(8)) {
      case 0:
        return this.partition(victim, true);
      case 1:
        return this.partition(victim, false);
      case 2:
      case 3:
        return this.crash(victim);
      case 4:
        this.met('pause');
        return cluster.pause(victim, 300 + random.below(5_000));
      case 5:
        this.met('jump');
        return this.jump(victim, random.below(6_000) - 3_000);
      case 6:
        this.met('join');
        this.addReplica(victim.region);
        return undefined;
      default:
        return random.below(2) === 0 ? this.leave(victim) : this.suspect(victim);
    }
  }

  private jump(victim: Replica, byMs: number): void {
    const skewMs = Math.max(-4_000, Math.min(4_000, victim.skewMs + byMs));
    this.cluster.setSkew(victim, skewMs);
  }

  private partition(victim: Replica, isBothWays: boolean): void {
    const { cluster, random } = this;
    this.met(isBothWays ? 'partition' : 'oneWay');
    const others = cluster.replicas.filter((other) => other !== victim && random.below(3) !== 0);
    const incoming = random.below(2) === 0;
    for (const other of others) {
      if (isBothWays || !incoming) this.cut.set(`${victim.id}>${other.id}`, true);
      if (isBothWays || incoming) this.cut.set(`${other.id}>${victim.id}`, true);
    }
    cluster.at(500 + random.below(6_000), () => this.cut.clear());
  }

  private crash(victim: Replica): void {
    const { cluster, random } = this;
    if (cluster.live.length < 2) return;
    if (!this.hasNeighbour(victim)) this.met('regionLost');
    this.met('crash');
    this.checkers.crashing(victim);
    cluster.crash(victim);
    cluster.at(200 + random.below(4_000), () => this.restart(victim));
  }

  private hasNeighbour({ region }: Replica): boolean {
    return this.cluster.live.filter((replica) => replica.region === region).length > 1;
  }

  private restart(replica: Replica): void {
    if (replica.isUp) return;
    this.met('restart');
    this.cluster.restart(replica);
    this.checkers.began(replica);
  }

  private leave(victim: Replica): void {
    const { cluster } = this;
    if (cluster.live.length < 3) return;
    this.met('leave');
    if (!this.isTight) this.checkers.flushing(victim);
    cluster.give(victim, { kind: 'flush', timeoutMs: 1_000 });
    victim.isJoined = false;
    cluster.at(1_200, () => {
      if (!victim.isUp || cluster.live.length < 2) return;
      this.checkers.crashing(victim);
      cluster.crash(victim);
    });
  }

  /** Gossip takes one for dead that is not. */
  private suspect(victim: Replica): void {
    const { cluster, random } = this;
    this.met('suspicion');
    for (const other of cluster.live)
      if (other !== victim && random.below(2) === 0) {
        cluster.tellMember(other, victim, false);
        cluster.at(500 + random.below(3_000), () => {
          if (victim.isUp) cluster.tellMember(other, victim, true);
        });
      }
  }

  private heal(): void {
    const { cluster } = this;
    this.cut.clear();
    cluster.cuts = () => false;
    cluster.weather = { loss: 0, duplication: 0, delayMaxMs: 5 };
    for (const replica of cluster.replicas) {
      cluster.setSkew(replica, 0);
      this.restart(replica);
      for (const other of cluster.live)
        if (other !== replica) cluster.tellMember(other, replica, true);
    }
  }

  private met(fault: Fault): void {
    this.outcome.faults.set(fault, (this.outcome.faults.get(fault) ?? 0) + 1);
  }

  private operate(): void {
    const { cluster, random } = this;
    const able = cluster.live.filter(({ isJoined, isPaused }) => isJoined && !isPaused);
    const replica = able[random.below(able.length)];
    if (replica === undefined) return;
    this.outcome.operations += 1;
    const lot = random.below(10);
    if (lot < 7) this.take(replica, lot === 0);
    else if (lot === 7) this.settle(replica);
    else if (lot === 8) this.look(replica);
    else this.take(replica, false);
  }

  private take(replica: Replica, isProvisional: boolean): void {
    const demands = this.demands().filter(({ counter }) => !isProvisional || !isPure(counter));
    const now = this.cluster.wallOf(replica);
    const { engine } = replica;
    try {
      const outcome = isProvisional
        ? engine.takeProvisionally(demands, now)
        : engine.take(demands, now);
      if (outcome.kind === 'refused') {
        this.outcome.denials += 1;
        return;
      }
      const { entries } = outcome.receipt;
      if (isProvisional) this.decideLater(replica, entries);
      else this.counted(replica, entries);
      if (isProvisional || this.isTight) return;
      this.check(replica);
      for (const entry of entries) this.checkers.taken(replica, entry);
    } catch (error) {
      if (!this.isTight || error instanceof Violation) throw error;
      this.outcome.refusedFull += 1;
    }
  }

  private counted(replica: Replica, entries: readonly ReceiptEntry[]): void {
    for (const entry of entries)
      this.checkers.truth.count(replica.source, entry, entry.amount, this.cluster.now);
    const receipts = this.receipts.get(replica.id) ?? [];
    receipts.push({ replica, boot: replica.boot, entries });
    this.receipts.set(replica.id, receipts);
  }

  private decideLater(replica: Replica, entries: readonly ReceiptEntry[]): void {
    const { cluster, random } = this;
    const { boot } = replica;
    const isKept = random.below(3) !== 0;
    cluster.at(1 + random.below(60), () => {
      if (!replica.isUp || replica.boot !== boot) return;
      const now = cluster.wallOf(replica);
      // What is given back before it was told was never counted, as far as the truth goes.
      if (!isKept) {
        const before = replica.engine.stats().droppedCorrections;
        replica.engine.giveBack({ entries }, now);
        const isWhole = replica.engine.stats().droppedCorrections === before;
        for (const entry of entries) {
          this.checkers.truth.count(replica.source, entry, entry.amount, cluster.now);
          if (isWhole) this.checkers.truth.count(replica.source, entry, -entry.amount, cluster.now);
        }
        return;
      }
      this.counted(replica, entries);
      replica.engine.commit({ entries }, now);
    });
  }

  /** Corrects an earlier take, where it was made, of counters that may be given back. */
  private settle(replica: Replica): void {
    const receipts = this.receipts.get(replica.id) ?? [];
    const receipt = receipts.pop();
    if (receipt === undefined || receipt.boot !== replica.boot) return;
    const now = this.cluster.wallOf(replica);
    for (const entry of receipt.entries) {
      if (isPure(entry.counter)) continue;
      const isHold = entry.counter.algorithm === 'concurrency';
      const actual = isHold ? 0 : this.random.below(entry.amount + 2);
      const before = replica.engine.stats().droppedCorrections;
      replica.engine.correct([{ entry, actual }], now);
      if (replica.engine.stats().droppedCorrections === before)
        this.checkers.truth.count(replica.source, entry, actual - entry.amount, this.cluster.now);
    }
  }

  private look(replica: Replica): void {
    replica.engine.read(this.demands(), this.cluster.wallOf(replica));
    if (!this.isTight) this.check(replica);
  }

  /** The bound, on one counter that is never given back. */
  private check(replica: Replica): void {
    const pure = this.counters.filter((each) => isPure(each) && each.algorithm === 'fixed_window');
    const counter = pure[this.random.below(pure.length)];
    if (counter === undefined) return;
    const now = this.cluster.wallOf(replica);
    const [reading] = replica.engine.read([{ counter, amount: 0, enforced: true }], now);
    if (reading !== undefined) this.checkers.decided(replica, counter, reading, 0);
  }

  private demands(): Demand[] {
    const count = 1 + this.random.below(3);
    return Array.from({ length: count }, () => {
      const counter = this.counters[this.random.below(this.counters.length)];
      if (counter === undefined) throw new Error('there are counters');
      const isHold = counter.algorithm === 'concurrency';
      return { counter, amount: isHold ? 1 : 1 + this.random.below(5), enforced: true };
    });
  }

  /** One replica empties each bucket that is full for all, and soon all know. */
  private checkLevels(): void {
    const { cluster, checkers, random } = this;
    const taker = cluster.live[random.below(cluster.live.length)];
    if (taker === undefined) return;
    const full = this.counters
      .filter(isBucket)
      .filter((counter) =>
        cluster.live.every((replica) => cluster.counted(replica, counter) === 0),
      );
    const demands = full.map((counter) => ({ counter, amount: counter.maximum, enforced: true }));
    taker.engine.take(demands, cluster.wallOf(taker));
    cluster.run(LEVELLING_MS);
    for (const counter of full) checkers.levelled(counter);
  }

  private checkMemory(): void {
    for (const { engine, id } of this.cluster.live) {
      const { live } = engine.stats();
      // A call may pass the bound by the counters that it opens itself.
      if (live > this.liveMax + 3) throw new Violation(`${id} has ${live} live counters`);
    }
  }
}

/** Never corrected and never provisional, so that what is counted of it only rises. */
const isPure = ({ name }: CounterSpec): boolean => name.startsWith('pure');

const isBucket = (counter: CounterSpec): counter is BucketSpec =>
  counter.algorithm === 'token_bucket';

function countersOf(random: SeededRandom, anchorMs: number): readonly CounterSpec[] {
  const window = { kind: 'duration', durationMs: WINDOW_MS, anchorMs } as const;
  const maximum = () => 20 + random.below(400);
  const counters: CounterSpec[] = [];
  for (let i = 0; i < 4; i++)
    counters.push({ name: `pure-${i}`, algorithm: 'fixed_window', window, maximum: maximum() });
  const fixed = { algorithm: 'fixed_window', window } as const;
  counters.push({ name: 'pure-regional', ...fixed, maximum: maximum(), scope: 'region' });
  counters.push({ name: 'regional', ...fixed, maximum: maximum(), scope: 'region' });
  for (let i = 0; i < 3; i++)
    counters.push({ name: `fixed-${i}`, algorithm: 'fixed_window', window, maximum: maximum() });
  for (let i = 0; i < 3; i++)
    counters.push({
      name: `sliding-${i}`,
      algorithm: 'sliding_window',
      window,
      maximum: maximum(),
    });
  for (const name of ['pure-bucket', 'bucket'])
    counters.push({
      name,
      algorithm: 'token_bucket',
      maximum: 50,
      refillAmount: 20,
      refillMs: 1_000,
    });
  const places: ConcurrencySpec = {
    name: 'places',
    algorithm: 'concurrency',
    maximum: 30,
    holdMs: 2_000,
  };
  return [...counters, places];
}
