/** What must hold of replicas that count together, and is looked at while they do. */
import type { CounterSpec, Reading } from '../../../src/counters/core/counter.js';
import { Fingerprinter, fingerprintText } from '../../../src/counters/core/fingerprint.js';
import type { PeerMessage, Source } from '../../../src/cluster/core/peer-message.js';
import { type Knowledge, knowledgeOf, readInto } from './entries-of.js';
import { KEY, type Replica, type SimulatedReplicas, type Watch } from './simulated-replicas.js';
import { runOf, Truth } from './truth.js';

/** A rule was broken. */
export class Violation extends Error {}

export class Checkers implements Watch {
  readonly truth = new Truth();
  /** Every run that there ever was. */
  readonly sources: Source[] = [];
  /** True time at which what a replica has heard of a run, without a gap, was sent. */
  private readonly heardUpTo = new Map<string, number>();
  /** What is known of runs that are over, by somebody who is not. */
  private readonly inherited: Knowledge = new Map();
  private readonly told: Knowledge = new Map();
  private readonly seen = new WeakSet<Uint8Array>();
  private readonly fingerprints = new Fingerprinter(KEY);
  /**
   * A relay may tell another region what it has told nobody at home when it dies: from then on regions may
   * differ by that, and are looked at one by one.
   */
  private hasRelayDied = false;
  restartsInLiveWindow = 0;

  constructor(
    private readonly cluster: SimulatedReplicas,
    private readonly counters: readonly CounterSpec[],
  ) {}

  /** A replica's own entries only ever rise. */
  sent(from: Replica, message: PeerMessage): void {
    if (message.kind !== 'delta' || message.feed !== 'own' || this.seen.has(message.entries))
      return;
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

  heard(by: Replica, from: Source, sentAt: number): void {
    const key = `${runOf(by.source)} ${runOf(from)}`;
    this.heardUpTo.set(key, Math.max(sentAt, this.heardUpTo.get(key) ?? 0));
  }

  joined(replica: Replica, isComplete: boolean): void {
    if (!isComplete || replica.boot === 1) return;
    this.restartsInLiveWindow += 1;
  }

  /** Before a replica is gone: what the others know of what is over is not to be lost. */
  crashing(gone: Replica): void {
    this.hasRelayDied ||= gone.machine.isRelay;
    const others = this.cluster.live.filter(
      (replica) => replica !== gone && replica.region === gone.region,
    );
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
    const all = this.truth.total(name, windowStart) + ownAmount;
    if (counted > all)
      throw new Violation(`${replica.id} counts ${counted} of ${all} in ${name}: some twice`);
    let least = ownAmount;
    for (const run of this.truth.runs(name, windowStart))
      least += this.leastOf(replica, run, { name, windowStart });
    if (counted < least)
      throw new Violation(`${replica.id} counts ${counted} in ${name}, and was told of ${least}`);
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

  /** After all is healed and quiet: nothing lost, nothing doubled, all say the same. */
  settled(): void {
    const latest = Math.max(...this.cluster.live.map((replica) => this.cluster.wallOf(replica)));
    if (!this.hasRelayDied) this.checkReadings(this.cluster.live, latest);
    for (const region of new Set(this.cluster.live.map((replica) => replica.region))) {
      const replicas = this.cluster.live.filter((replica) => replica.region === region);
      this.checkReadings(replicas, latest);
      this.checkEntries(replicas, latest);
    }
  }

  private checkReadings(replicas: readonly Replica[], latest: number): void {
    for (const counter of this.counters) {
      if (counter.algorithm === 'token_bucket') continue;
      const counts = replicas.map(({ engine }) => {
        const [reading] = engine.read([{ counter, amount: 0, enforced: true }], latest as never);
        return reading?.counted;
      });
      const [first] = counts;
      if (counts.some((count) => count !== first))
        throw new Violation(`views of ${counter.name} differ: ${counts.join(', ')}`);
    }
  }

  private checkEntries(replicas: readonly Replica[], latest: number): void {
    const views = replicas.map((replica) => knowledgeOf(replica, this.sources));
    const names = new Map(this.counters.map((counter) => [this.fingerprintOf(counter), counter]));
    const live = new Map(replicas.map((replica) => [runOf(replica.source), replica]));
    const keys = new Set([...views.flatMap((view) => [...view.keys()]), ...this.inherited.keys()]);
    for (const key of keys) {
      const [fingerprint = '', run = '', start = ''] = key.split(' ');
      const counter = names.get(fingerprint);
      if (counter === undefined || !isLive(counter, Number(start), latest)) continue;
      const isOurs =
        live.has(run) || !this.cluster.live.some((replica) => runOf(replica.source) === run);
      if (!isOurs || !this.belongs(run, replicas)) continue;
      this.checkKey({ key, run, counter, start: Number(start), isAlive: live.has(run) }, views);
    }
  }

  /** Runs of another region are known as a sum. */
  private belongs(run: string, replicas: readonly Replica[]): boolean {
    const [id] = run.split('/');
    return replicas.some((replica) => replica.id === id);
  }

  private checkKey(
    {
      key,
      run,
      counter,
      start,
      isAlive,
    }: { key: string; run: string; counter: CounterSpec; start: number; isAlive: boolean },
    views: readonly Knowledge[],
  ): void {
    const known = views.map((view) => view.get(key)?.taken ?? 0);
    const [first = 0] = known;
    const detail = `${counter.name} of ${run} from ${start}: ${known.join(', ')}`;
    if (known.some((taken) => taken !== first)) throw new Violation(`entries differ: ${detail}`);
    if (counter.algorithm === 'concurrency') return;
    const { taken } = this.truth.of(counter.name, start, run);
    if (first > taken) throw new Violation(`more than ${taken} was told: ${detail}`);
    if (isAlive && first !== taken) throw new Violation(`lost of ${taken}: ${detail}`);
    const least = this.inherited.get(key)?.taken ?? 0;
    if (first < least) throw new Violation(`lost of ${least} that were known: ${detail}`);
  }

  private fingerprintOf(counter: CounterSpec): string {
    this.fingerprints.of(counter.name);
    return fingerprintText(this.fingerprints);
  }
}

/** Whether a window still counts for everybody. */
function isLive(counter: CounterSpec, start: number, latest: number): boolean {
  if (counter.algorithm === 'concurrency') return false;
  if (counter.algorithm === 'token_bucket') return start + 60_000 > latest;
  return counter.window.kind === 'duration' && start + counter.window.durationMs > latest;
}
