/** What must hold of replicas that count together, and is looked at while they do. */
import type {
  BucketSpec,
  CounterSpec,
  ReceiptEntry,
  Reading,
} from '../../../src/counters/core/counter.js';
import { Fingerprinter, fingerprintText } from '../../../src/counters/core/fingerprint.js';
import type { Delta, PeerMessage, Source } from '../../../src/cluster/core/peer-message.js';
import { type BucketViews, type Hearing, refillOf } from './bucket-views.js';
import { type Knowledge, knowledgeOf, knownKey, readInto } from './entries-of.js';
import {
  KEY,
  type Replica,
  SETTING,
  type SimulatedReplicas,
  type Watch,
} from './simulated-replicas.js';
import { runOf, Truth } from './truth.js';

/** A rule was broken. */
export class Violation extends Error {}

interface Told {
  readonly message: Delta;
  /** In true time. */
  readonly sentAt: number;
}

export class Checkers implements Watch {
  readonly truth = new Truth();
  /** Every run that there ever was. */
  private readonly sources: Source[] = [];
  /** True time at which what a replica has heard of a run, without a gap, was sent. */
  private readonly heardUpTo = new Map<string, number>();
  /** What is known of runs that are over, by somebody who is not. */
  private readonly inherited: Knowledge = new Map();
  private readonly told: Knowledge = new Map();
  private readonly seen = new WeakSet<Uint8Array>();
  private readonly fingerprints = new Fingerprinter(KEY);
  /** Of what a relay told, when what it draws from had been sent to it. */
  private readonly relayed = new WeakMap<PeerMessage, ReadonlyMap<string, number>>();
  /** What a replica had counted when it began to leave. */
  private readonly leaving = new Map<string, ReturnType<Truth['ofRun']>>();
  /** Where each run counts: in which region, and under which setting. */
  private readonly homes = new Map<string, { readonly region: string; readonly setting: string }>();
  restartsInLiveWindow = 0;
  flushes = 0;
  entriesChecked = 0;
  refusals = 0;
  levelsCompared = 0;

  constructor(
    private readonly cluster: SimulatedReplicas,
    private readonly counters: readonly CounterSpec[],
    /** Of token buckets that are only taken from. */
    private readonly buckets: readonly BucketViews[],
  ) {}

  began(replica: Replica): void {
    const { source, region, setting } = replica;
    this.sources.push(source);
    this.homes.set(runOf(source), { region, setting });
    for (const views of this.buckets) views.began(replica, this.cluster.now);
  }

  skewed(replica: Replica): void {
    for (const views of this.buckets) views.skewed(replica, this.cluster.now);
  }

  /** A replica's own entries only ever rise. */
  sent(from: Replica, message: PeerMessage): void {
    if (message.kind !== 'delta') return;
    for (const views of this.buckets) views.sent(from, message, this.cluster.now);
    if (message.feed !== 'own') this.relayed.set(message, this.drawnFrom(from, message.feed));
    if (message.feed !== 'own' || this.seen.has(message.entries)) return;
    this.seen.add(message.entries);
    const entries: Knowledge = new Map();
    readInto(entries, message.entries, from.source);
    for (const [key, { taken, returned }] of entries) {
      const before = this.told.get(key);
      if (before !== undefined && (taken < before.taken || returned < before.returned))
        throw new Violation(
          `${runOf(from.source)} told ${taken} after ${before.taken}, ${returned} after ${before.returned} of ${key}`,
        );
      this.told.set(key, { taken, returned });
    }
  }

  received(by: Replica, from: Source, { message, sentAt }: Told): void {
    if (message.entries.length === 0) return;
    const { feed, isState } = message;
    const runs = feed === 'own' ? [runOf(from)] : this.runsIn(from.region, feed);
    for (const views of this.buckets) views.received(by, { runs, isState, sentAt });
  }

  pulled(by: Replica, source: Source, sentAt: number): void {
    const runs = [runOf(source)];
    for (const views of this.buckets) views.received(by, { runs, isState: true, sentAt });
  }

  heard(by: Replica, from: Source, { message, sentAt }: Told): void {
    const upTo = this.relayed.get(message) ?? new Map([[runOf(from), sentAt]]);
    this.bucketsHeard(by, { message, from: runOf(from), upTo });
    for (const [run, until] of upTo) {
      const key = `${runOf(by.source)} ${run}`;
      this.heardUpTo.set(key, Math.max(until, this.heardUpTo.get(key) ?? 0));
    }
  }

  private bucketsHeard(by: Replica, hearing: Omit<Hearing, 'now' | 'wallMs'>): void {
    const { now } = this.cluster;
    const wallMs = this.cluster.wallOf(by);
    for (const views of this.buckets) views.heard(by, { ...hearing, now, wallMs });
  }

  /** Those that a relay tells about. */
  private runsIn(relayRegion: string, feed: 'region' | 'foreign'): readonly string[] {
    const runs: string[] = [];
    for (const [run, { region }] of this.homes)
      if ((region === relayRegion) === (feed === 'region')) runs.push(run);
    return runs;
  }

  /** How far a relay has heard those that it tells about. */
  private drawnFrom(relay: Replica, feed: 'region' | 'foreign'): ReadonlyMap<string, number> {
    const upTo = new Map<string, number>();
    for (const run of this.runsIn(relay.region, feed)) {
      const isSelf = run === runOf(relay.source);
      const heard = isSelf ? this.cluster.now : this.heardUpTo.get(`${runOf(relay.source)} ${run}`);
      if (heard !== undefined) upTo.set(run, heard);
    }
    return upTo;
  }

  flushing({ source }: Replica): void {
    this.leaving.set(runOf(source), this.truth.ofRun(runOf(source)));
  }

  /** Who leaves, and misses nobody, has left all that it counted with each replica of its region. */
  flushed(leaver: Replica, missing: readonly string[]): void {
    const run = runOf(leaver.source);
    const counted = this.leaving.get(run);
    if (counted === undefined || missing.length > 0) return;
    const open = leaver.machine
      .peers(this.cluster.instantOf(leaver))
      .filter(({ link, region }) => link === 'open' && region === leaver.region);
    for (const { peerId } of open) {
      const heir = this.cluster.live.find(({ id }) => id === peerId);
      if (heir === undefined) continue;
      this.flushes += 1;
      const known = knowledgeOf(heir, [leaver.source]);
      for (const { name, windowStart, taken } of counted) {
        const counter = this.counters.find((each) => each.name === name);
        if (counter === undefined || !isLive(counter, windowStart, this.latest())) continue;
        const key = knownKey(this.fingerprintOf(counter), run, windowStart);
        const left = known.get(key)?.taken ?? 0;
        if (left < taken)
          throw new Violation(`${run} left ${left} of ${taken} of ${name} with ${peerId}`);
      }
    }
  }

  joined(replica: Replica, isComplete: boolean): void {
    if (!isComplete || replica.boot === 1) return;
    this.restartsInLiveWindow += 1;
  }

  /** The bound of a bucket: what is missing from it is no less than what a replica was told and took itself. */
  taken(replica: Replica, { counter, amount }: ReceiptEntry): void {
    const { now } = this.cluster;
    for (const views of this.buckets) {
      if (views.bucket !== counter) continue;
      views.took(replica, amount, now);
      const level = views.levelOf(replica, now);
      const counted = this.cluster.counted(replica, views.bucket);
      if (counted < level - refillOf(views.bucket))
        throw new Violation(
          `${replica.id} misses ${counted} in ${counter.name}, and was told of ${level.toFixed(2)}`,
        );
    }
  }

  /** Before a replica is gone: what the others know of what is over is not to be lost. */
  crashing(gone: Replica): void {
    const others = this.cluster.live.filter((replica) => replica !== gone);
    const liveRuns = new Set(others.map(({ source }) => runOf(source)));
    const over = this.sources.filter((source) => !liveRuns.has(runOf(source)));
    this.inherited.clear();
    for (const replica of others)
      for (const [key, entry] of knowledgeOf(replica, over)) {
        const known = this.inherited.get(key);
        const taken = Math.max(entry.taken, known?.taken ?? 0);
        this.inherited.set(key, {
          taken,
          returned: Math.max(entry.returned, known?.returned ?? 0),
        });
      }
  }

  /**
   * The bound, at the moment of a decision on a counter that is never given back: what a replica counts
   * is no more than what was counted, and no less than what it was told and counted itself.
   */
  decided(replica: Replica, counter: CounterSpec, reading: Reading, ownAmount: number): void {
    const { name } = counter;
    const windowStart = reading.window.start;
    const counted = reading.counted;
    let all = ownAmount;
    let least = ownAmount;
    for (const run of this.truth.runs(name, windowStart)) {
      if (!this.countsAt(run, counter, replica)) continue;
      const { taken, returned } = this.truth.of(name, windowStart, run);
      all += taken - returned;
      if (!this.mayBeForgotten(run, replica, reading.window.end))
        least += this.leastOf(replica, run, { name, windowStart });
    }
    if (counted > all)
      throw new Violation(`${replica.id} counts ${counted} of ${all} in ${name}: some twice`);
    if (counted < least)
      throw new Violation(`${replica.id} counts ${counted} in ${name}, and was told of ${least}`);
  }

  /** A limit may count in each region apart, and replicas whose settings differ do everywhere. */
  private countsAt(run: string, { scope }: CounterSpec, { region, setting }: Replica): boolean {
    const home = this.homes.get(run);
    return home?.setting === setting && (scope !== 'region' || home.region === region);
  }

  /** A relay that starts passes over windows that its clock says are over. */
  private mayBeForgotten(run: string, { region }: Replica, windowEnd: number): boolean {
    return this.homes.get(run)?.region !== region && this.latest() >= windowEnd;
  }

  private leastOf(
    replica: Replica,
    run: string,
    at: { name: string; windowStart: number },
  ): number {
    if (run === runOf(replica.source)) return this.truth.of(at.name, at.windowStart, run).taken;
    const heard = this.heardUpTo.get(`${runOf(replica.source)} ${run}`);
    return heard === undefined ? 0 : this.truth.takenBefore({ ...at, run }, heard);
  }

  private latest(): number {
    return Math.max(...this.cluster.live.map((replica) => this.cluster.wallOf(replica)));
  }

  /** While all is quiet: neighbours whose settings differ say so, on both sides. */
  disagreed(): void {
    const { live } = this.cluster;
    for (const replica of live)
      for (const { id, region, setting } of live) {
        if (region !== replica.region || setting === replica.setting) continue;
        const { state, detail } = replica.links.get(id) ?? { state: 'none', detail: '' };
        if (state !== 'refused' || detail !== `settings: ${SETTING}`)
          throw new Violation(`${replica.id} says of ${id}: ${state}, ${detail}`);
        this.refusals += 1;
      }
  }

  /** After all is healed and quiet: nothing lost, nothing doubled, all say the same that agree on settings. */
  settled(): void {
    const { live } = this.cluster;
    for (const agreed of new Set(live.map(({ setting }) => setting)))
      this.checkAgreeing(live.filter(({ setting }) => setting === agreed));
  }

  private checkAgreeing(live: readonly Replica[]): void {
    const latest = this.latest();
    // First what is known of each run: that says whose counts are missing, and where.
    this.checkEntries(live, latest);
    const isOfRegion = ({ scope }: CounterSpec): boolean => scope === 'region';
    this.checkReadings(live, latest, (counter) => !isOfRegion(counter));
    for (const region of new Set(live.map((replica) => replica.region)))
      this.checkReadings(
        live.filter((replica) => replica.region === region),
        latest,
        isOfRegion,
      );
  }

  private checkReadings(
    replicas: readonly Replica[],
    latest: number,
    isMeant: (counter: CounterSpec) => boolean,
  ): void {
    for (const counter of this.counters) {
      if (counter.algorithm === 'token_bucket' || !isMeant(counter)) continue;
      const counts = replicas.map(({ engine }) => {
        const [reading] = engine.read([{ counter, amount: 0, enforced: true }], latest as never);
        return reading?.counted;
      });
      const [first] = counts;
      if (counts.some((count) => count !== first))
        throw new Violation(`views of ${counter.name} differ: ${counts.join(', ')}`);
    }
  }

  /** What each misses in a bucket that only one of them has taken from lately, as far apart as one may be spared. */
  levelled(counter: BucketSpec): void {
    const { live } = this.cluster;
    const levels = live.map((replica) => this.cluster.counted(replica, counter));
    const apart = Math.max(...levels) - Math.min(...levels);
    if (apart > refillOf(counter))
      throw new Violation(`levels of ${counter.name} differ: ${eachOf(live, levels)}`);
    this.levelsCompared += levels.length;
  }

  private checkEntries(replicas: readonly Replica[], latest: number): void {
    const views = replicas.map((replica) => ({
      replica,
      known: knowledgeOf(replica, this.sources),
    }));
    const names = new Map(this.counters.map((counter) => [this.fingerprintOf(counter), counter]));
    const live = new Set(replicas.map(({ source }) => runOf(source)));
    const known = views.flatMap((view) => [...view.known.keys()]);
    for (const key of new Set([...known, ...this.inherited.keys()])) {
      const [fingerprint = '', run = '', start = ''] = key.split(' ');
      const counter = names.get(fingerprint);
      if (counter === undefined || !isLive(counter, Number(start), latest)) continue;
      this.entriesChecked += 1;
      this.checkKey({ key, run, counter, start: Number(start), isAlive: live.has(run) }, views);
    }
  }

  private checkKey(entry: EntryToCheck, views: readonly View[]): void {
    const { key, run, counter, start, isAlive } = entry;
    const concerned = views.filter(({ replica }) => this.countsAt(run, counter, replica));
    const other = views.find((view) => view.known.has(key) && !concerned.includes(view))?.replica;
    if (other !== undefined)
      throw new Violation(`${counter.name} of ${run} is known to ${other.region}/${other.id}`);
    const told = concerned.map(({ known }) => known.get(key)?.taken ?? 0);
    const [first] = told;
    if (first === undefined) return;
    const refuse = (what: string): never => {
      const by = concerned.map(({ replica }) => replica);
      throw new Violation(`${what}: ${textOf(entry)}: ${eachOf(by, told)}`);
    };
    if (told.some((taken) => taken !== first)) refuse('entries differ');
    if (counter.algorithm === 'concurrency') return;
    const { taken } = this.truth.of(counter.name, start, run);
    if (first > taken) refuse(`more than ${taken} was told`);
    if (isAlive && first !== taken) refuse(`lost of ${taken}`);
    const least = this.inherited.get(key)?.taken ?? 0;
    if (first < least) refuse(`lost of ${least} that were known`);
  }

  private fingerprintOf(counter: CounterSpec): string {
    this.fingerprints.of(counter.name);
    return fingerprintText(this.fingerprints);
  }
}

/** What one replica knows of all runs. */
interface View {
  readonly replica: Replica;
  readonly known: Knowledge;
}

interface EntryToCheck {
  readonly key: string;
  readonly run: string;
  readonly counter: CounterSpec;
  readonly start: number;
  readonly isAlive: boolean;
}

const textOf = ({ counter, run, start, isAlive }: EntryToCheck): string =>
  `${counter.name} of ${run} ${isAlive ? '' : '(over) '}from ${start}`;

const eachOf = (replicas: readonly Replica[], said: readonly number[]): string =>
  replicas.map(({ region, id }, i) => `${region}/${id} ${said[i]}`).join(', ');

/** Whether a window still counts for everybody. */
function isLive(counter: CounterSpec, start: number, latest: number): boolean {
  if (counter.algorithm === 'concurrency') return false;
  if (counter.algorithm === 'token_bucket') return start + 60_000 > latest;
  return counter.window.kind === 'duration' && start + counter.window.durationMs > latest;
}
