/**
 * The set-up of the Lifeguard comparison, with virtual time: members are held back (their packets
 * wait, their timers go on) and released. Detection: victims together for 30 s. False positives: C
 * members 16 s held, 1 s free, for 120 s. The numbers of the real program stand beside ours in
 * `docs/gossip.md`.
 */
import { SeededRandom } from '../../../src/common/seeded-random.js';
import type { GossipOptions } from '../../../src/gossip/core/gossip-options.js';
import { type CpuCosts, SharedCpu } from './shared-cpu.js';
import { SimulatedCluster } from './simulated-cluster.js';

export interface Configuration {
  readonly name: string;
  readonly options: Partial<GossipOptions>;
}

/** Suspicion multiplier, its greatest stretch, the awareness multiplier, and the buddy system. */
type Parts = readonly [mult: number, stretch: number, awareness: number, buddy: boolean];

const config = (name: string, [mult, stretch, awareness, buddySystem]: Parts): Configuration => ({
  name,
  options: {
    suspicionMult: mult,
    suspicionMaxTimeoutMult: stretch,
    awarenessMaxMultiplier: awareness,
    buddySystem,
    // Not part of what is compared.
    reconnectIntervalMs: 0,
  },
});

export const CONFIGURATIONS: readonly Configuration[] = [
  config('SWIM', [5, 1, 1, false]),
  config('Buddy', [5, 1, 1, true]),
  config('LHA-Probe', [5, 1, 8, false]),
  config('LHA-Suspicion', [5, 6, 1, false]),
  config('Lifeguard', [5, 6, 8, true]),
  config('Lifeguard, suspicion multiplier 4', [4, 6, 8, true]),
  config('Lifeguard, suspicion multiplier 2', [2, 6, 8, true]),
];

const loopback = { loss: 0, delayMs: () => 0.5 };

export interface Detection {
  readonly victims: number;
  readonly detectedByAll: number;
  readonly first: readonly number[];
  readonly full: readonly number[];
  readonly packetsPerMemberSecond: number;
  readonly bytesPerMemberSecond: number;
}

const VICTIMS = 8;

/** Until the first news has been told often enough. */
const WARM_UP_MS = 10_000;

export function studyDetection(
  { options }: Configuration,
  members: number,
  rounds: number,
  seed: number,
): Detection {
  const cluster = new SimulatedCluster(members, options, loopback, seed);
  const random = new SeededRandom(seed + 1);
  cluster.startKnown();
  cluster.run(WARM_UP_MS);
  const first: number[] = [];
  const full: number[] = [];
  let detectedByAll = 0;
  const [startPackets, startBytes, startedAt] = [cluster.packets, cluster.bytes, cluster.now];
  for (let round = 0; round < rounds; round++) {
    const victims = distinct(VICTIMS, members, random);
    const since = cluster.events.length;
    const blockedAt = cluster.now;
    for (const victim of victims) cluster.block(victim);
    cluster.run(30_000);
    for (const victim of victims) {
      const times = cluster.events
        .slice(since)
        .filter((it) => it.about === victim && it.kind === 'died' && !victims.has(it.observer))
        .map((it) => it.at - blockedAt);
      if (times.length > 0) first.push(Math.min(...times));
      if (times.length >= members - VICTIMS) {
        detectedByAll++;
        full.push(Math.max(...times));
      }
    }
    if (round === rounds - 1) break;
    for (const victim of victims) cluster.release(victim);
    cluster.run(30_000);
    for (let extra = 0; extra < 30 && !allSeeAll(cluster); extra++) cluster.run(2_000);
  }
  const memberSeconds = (members * (cluster.now - startedAt)) / 1_000;
  return {
    victims: rounds * VICTIMS,
    detectedByAll,
    first,
    full,
    packetsPerMemberSecond: (cluster.packets - startPackets) / memberSeconds,
    bytesPerMemberSecond: (cluster.bytes - startBytes) / memberSeconds,
  };
}

/**
 * The machine on which the real program was measured: 128 members on two cores, with all intervals a
 * fifth as long, so that a microsecond of it is five of the protocol. 50 us a packet, both ways together,
 * and 4 us a message use 0.37 of a core with 8 members held back; the real program used about 0.3.
 */
export const TWO_CORES: CpuCosts = { cores: 2, sendMs: 0.1, receiveMs: 0.15, messageMs: 0.02 };

export interface AnomalyOptions {
  readonly seed: number;
  /** False: whoever is held back goes on probing, into the void. */
  readonly blocksSenders: boolean;
  /** Absent: every member has all the time it needs. */
  readonly costs?: CpuCosts;
  /** Absent: the two minutes of the real runs. */
  readonly lastsMs?: number;
}

/** Readings of "held back": `docs/gossip.md` says what each of them stands for. */
export const SET_UPS: Readonly<Record<string, Omit<AnomalyOptions, 'seed'>>> = {
  enough: { blocksSenders: true },
  'two-cores': { blocksSenders: true, costs: TWO_CORES },
  probing: { blocksSenders: false },
};

export interface FalsePositives {
  /** Deaths of healthy members, reported anywhere. */
  readonly events: number;
  /** Those of them that healthy members reported. */
  readonly atHealthy: number;
  /** Of one core; 0 where work costs nothing. */
  readonly coreShare: number;
  readonly packetsPerMemberSecond: number;
  readonly bytesPerMemberSecond: number;
}

export function studyFalsePositives(
  { options }: Configuration,
  members: number,
  held: number,
  { seed, blocksSenders, costs, lastsMs = 120_000 }: AnomalyOptions,
): FalsePositives {
  const cluster = new SimulatedCluster(members, options, loopback, seed);
  cluster.blocksSenders = blocksSenders;
  if (costs !== undefined) cluster.cpu = new SharedCpu(costs);
  cluster.startKnown();
  cluster.run(30_000);
  const slow = distinct(held, members, new SeededRandom(seed + 1));
  const since = cluster.events.length;
  const [startPackets, startBytes, startedAt] = [cluster.packets, cluster.bytes, cluster.now];
  while (cluster.now - startedAt < lastsMs) {
    for (const index of slow) cluster.block(index);
    cluster.run(16_000);
    for (const index of slow) cluster.release(index);
    cluster.run(1_000);
  }
  const wrong = cluster.events
    .slice(since)
    .filter((it) => it.kind === 'died' && !slow.has(it.about));
  const memberSeconds = (members * (cluster.now - startedAt)) / 1_000;
  return {
    events: wrong.length,
    atHealthy: wrong.filter((it) => !slow.has(it.observer)).length,
    coreShare: (cluster.cpu?.usedMs ?? 0) / cluster.now,
    packetsPerMemberSecond: (cluster.packets - startPackets) / memberSeconds,
    bytesPerMemberSecond: (cluster.bytes - startBytes) / memberSeconds,
  };
}

/** The share that one sum of runs has of another, and between what it lies in 95 of 100 repetitions. */
export function ratioBounds(
  part: readonly number[],
  whole: readonly number[],
): { readonly share: number; readonly low: number; readonly high: number } {
  const random = new SeededRandom(1);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const drawn = (values: readonly number[]): number =>
    sum(values.map(() => values[random.below(values.length)] ?? 0));
  const shares = Array.from({ length: 2_000 }, () => drawn(part) / Math.max(1, drawn(whole)));
  const share = sum(part) / Math.max(1, sum(whole));
  return { share, low: quantile(shares, 0.025), high: quantile(shares, 0.975) };
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function allSeeAll(cluster: SimulatedCluster): boolean {
  return cluster.nodes.every((node) => {
    const members = node.machine.members();
    return (
      members.length === cluster.nodes.length && members.every(({ state }) => state === 'alive')
    );
  });
}

function distinct(count: number, bound: number, random: SeededRandom): ReadonlySet<number> {
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(random.below(bound));
  return chosen;
}
