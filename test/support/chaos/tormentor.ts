import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../../src/common/random.js';
import type { Machine, ProcessCluster } from '../process-cluster.js';
import type { FaultJournal } from './fault-journal.js';
import { isolate, mend } from './isolation.js';
import { CLEAR, type PeerProxy, type Weather } from './peer-proxy.js';

export const FAULTS = ['kill', 'pause', 'isolation', 'cut', 'oneWayCut', 'storm'] as const;
export type Fault = (typeof FAULTS)[number];

type Pair = readonly [string, string];

const CUT: Weather = { ...CLEAR, isCut: true };
const STORM: Weather = { isCut: false, delayMs: 20, jitterMs: 40, loss: 0.05 };
/** The longest that a message takes in it: lost once, and sent again behind the slowest one. */
const STORM_MS = 320;

/** What there is to torment, and who writes it down. */
export interface Torments {
  readonly cluster: ProcessCluster;
  readonly machines: readonly Machine[];
  /** Between the machines, and its address. */
  readonly proxy: PeerProxy;
  readonly between: string;
  readonly journal: FaultJournal;
}

/** Does one thing to the cluster at a time, writes down what, and goes on when all is mended. */
export class Tormentor {
  /** How often each was done, and how long it took from the mending until everybody heard everybody. */
  readonly mendedMs: Readonly<Record<Fault, number[]>> = {
    kill: [],
    pause: [],
    isolation: [],
    cut: [],
    oneWayCut: [],
    storm: [],
  };

  constructor(
    private readonly torments: Torments,
    private readonly random: Random,
  ) {}

  /** All kinds, in an order by lot, with a while of peace before each. */
  async round(say: (line: string) => void, isOver: () => boolean): Promise<void> {
    for (const fault of shuffled(FAULTS, this.random)) {
      if (isOver()) return;
      await delay(1_500 + this.random.below(2_000));
      const victim = this.lot(this.cluster.slots);
      const begunMs = Date.now();
      const tookMs = await this.perform(fault, victim);
      this.mendedMs[fault].push(tookMs);
      say(
        `${fault} of ${victim} from ${begunMs} to ${Date.now()}, whole again after ${Math.round(tookMs)} ms`,
      );
    }
  }

  private get cluster(): ProcessCluster {
    return this.torments.cluster;
  }

  private get journal(): FaultJournal {
    return this.torments.journal;
  }

  private perform(fault: Fault, victim: string): Promise<number> {
    switch (fault) {
      case 'kill':
        return this.kill(victim);
      case 'pause':
        return this.pause(victim);
      case 'isolation':
        return this.isolate(victim);
      case 'cut':
        return this.cut(bothWays(this.pairWith(victim)));
      case 'oneWayCut':
        return this.cut([this.pairWith(victim)]);
      case 'storm':
        return this.storm();
    }
  }

  private async kill(victim: string): Promise<number> {
    this.journal.killed(victim, Date.now());
    await this.cluster.end(victim, 'SIGKILL');
    await delay(1_000 + this.random.below(2_000));
    this.journal.started(victim, Date.now());
    const mendedAt = performance.now();
    await this.cluster.start(victim);
    await this.cluster.whole();
    return performance.now() - mendedAt;
  }

  private async pause(victim: string): Promise<number> {
    return this.deafWhile(this.pairsOf(victim), {
      begin: () => this.cluster.signal(victim, 'SIGSTOP'),
      end: () => this.cluster.signal(victim, 'SIGCONT'),
    });
  }

  private async isolate(victim: string): Promise<number> {
    const { machines, between } = this.torments;
    const machine = machines.find(({ slot }) => slot === victim);
    if (machine === undefined) throw new Error(`there is no machine of ${victim}`);
    return this.deafWhile(this.pairsOf(victim), {
      begin: () => isolate(machine, between),
      end: () => mend(machine, between),
    });
  }

  private async cut(pairs: readonly Pair[]): Promise<number> {
    const all = (weather: Weather) => (): void => {
      for (const [from, to] of pairs) this.torments.proxy.set(from, to, weather);
    };
    return this.deafWhile(pairs, { begin: all(CUT), end: all(CLEAR) });
  }

  private async storm(): Promise<number> {
    const { slots } = this.cluster;
    const all = (weather: Weather): void => {
      for (const from of slots) for (const to of slots) this.torments.proxy.set(from, to, weather);
    };
    const over = this.journal.slow(STORM_MS, Date.now());
    all(STORM);
    await delay(3_000 + this.random.below(3_000));
    all(CLEAR);
    const mendedAt = performance.now();
    await this.cluster.whole();
    over(Date.now());
    return performance.now() - mendedAt;
  }

  private async deafWhile(
    pairs: readonly Pair[],
    { begin, end }: { readonly begin: () => void; readonly end: () => void },
  ): Promise<number> {
    const over = this.journal.deaf(pairs, Date.now());
    begin();
    await delay(2_500 + this.random.below(3_500));
    end();
    const mendedAt = performance.now();
    await this.cluster.whole();
    over(Date.now());
    return performance.now() - mendedAt;
  }

  private pairWith(victim: string): Pair {
    return [victim, this.lot(this.cluster.slots.filter((slot) => slot !== victim))];
  }

  private pairsOf(victim: string): readonly Pair[] {
    const others = this.cluster.slots.filter((slot) => slot !== victim);
    return others.flatMap((other) => bothWays([victim, other]));
  }

  private lot(slots: readonly string[]): string {
    const found = slots[this.random.below(slots.length)];
    if (found === undefined) throw new Error('there is nobody left to torment');
    return found;
  }
}

const bothWays = ([one, other]: Pair): readonly Pair[] => [
  [one, other],
  [other, one],
];

function shuffled<T>(values: readonly T[], random: Random): readonly T[] {
  return values
    .map((value) => ({ value, at: random.fraction() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ value }) => value);
}
