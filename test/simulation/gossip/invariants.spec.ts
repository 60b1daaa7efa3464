/**
 * Goal: whatever the network does, the cluster keeps its promises. Method: seeded runs of the real
 * machine under virtual time with loss, delay, one-way cuts, pauses, restarts and drifting clocks.
 * A failure names its seed; `SEED=n` in the environment repeats it or tries another.
 */
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../../../src/common/seeded-random.js';
import { BROADCASTS_MAX } from '../../../src/gossip/core/gossip-options.js';
import { allSeeAll } from './lifeguard-study.js';
import { SimulatedCluster } from './simulated-cluster.js';

const SEEDS = process.env['SEED'] === undefined ? [1] : [Number(process.env['SEED'])];
const lan = { loss: 0, delayMs: (random: SeededRandom) => 0.2 + random.fraction() };
const bad = {
  loss: 0.05,
  delayMs: (random: SeededRandom) => 1 + 80 * random.fraction() ** 4,
  driftShare: 0.02,
};

/** The longest wait of a suspicion, and some rounds to hear of it. */
const deathBoundMs = (members: number): number =>
  4_000 * Math.max(1, Math.log10(members)) * 6 + 10_000;

/** Runs until the condition holds; the time it took. */
function runUntil(cluster: SimulatedCluster, limitMs: number, holds: () => boolean): number {
  const start = cluster.now;
  while (!holds()) {
    if (cluster.now - start > limitMs) return Infinity;
    cluster.run(200);
  }
  return cluster.now - start;
}

describe.each(SEEDS)('seed %d', (seed) => {
  it('a cluster that starts at once finds itself', () => {
    const cluster = new SimulatedCluster(50, {}, lan, seed);
    cluster.startJoining(1_000);
    expect(runUntil(cluster, 60_000, () => allSeeAll(cluster))).toBeLessThan(60_000);
  });

  it('nobody is suspected in ten minutes of peace, with 2 % of clock drift and no loss', () => {
    const cluster = new SimulatedCluster(20, {}, { ...lan, driftShare: 0.02 }, seed);
    cluster.startKnown();
    cluster.run(600_000);
    expect(cluster.events.filter(({ kind }) => kind === 'suspected' || kind === 'died')).toEqual(
      [],
    );
  });

  it('with 5 % of loss, delays and drift, the living are not buried', () => {
    const cluster = new SimulatedCluster(30, {}, bad, seed);
    cluster.startKnown();
    cluster.run(300_000);
    expect(cluster.events.filter(({ kind }) => kind === 'died')).toEqual([]);
  });

  it('the dead are known to all within the bound, and incarnations only rise', () => {
    const cluster = new SimulatedCluster(40, {}, bad, seed);
    cluster.startKnown();
    cluster.run(20_000);
    const before = cluster.nodes.map((node) => node.machine.members());
    cluster.crash(7);
    const up = cluster.nodes.filter(({ index }) => index !== 7);
    const tookMs = runUntil(cluster, deathBoundMs(40), () =>
      up.every(({ index }) => cluster.stateSeen(index, 7) === 'dead'),
    );
    expect(tookMs).toBeGreaterThan(4_000);
    expect(tookMs).toBeLessThan(deathBoundMs(40));
    for (const node of up) {
      for (const past of before[node.index] ?? []) {
        const present = node.machine.member(past.name);
        expect(present?.incarnation ?? past.incarnation).toBeGreaterThanOrEqual(past.incarnation);
      }
    }
  });

  it('a restarted member is back within seconds, from below its last incarnation', () => {
    const cluster = new SimulatedCluster(20, {}, lan, seed);
    cluster.startKnown();
    cluster.run(10_000);
    cluster.crash(3);
    const up = cluster.nodes.filter(({ index }) => index !== 3);
    runUntil(cluster, 60_000, () =>
      up.every(({ index }) => cluster.stateSeen(index, 3) === 'dead'),
    );
    cluster.restart(3, 0);
    expect(runUntil(cluster, 20_000, () => allSeeAll(cluster))).toBeLessThan(20_000);
  });

  it('a one-way cut between two hurts nobody', () => {
    const cluster = new SimulatedCluster(10, {}, lan, seed);
    cluster.startKnown();
    cluster.run(5_000);
    cluster.cuts = (from, to) => from === 1 && to === 2;
    cluster.run(300_000);
    expect(cluster.events.filter(({ kind }) => kind === 'died')).toEqual([]);
  });

  it('both halves of a partition, long after they have reaped each other, become one again', () => {
    const cluster = new SimulatedCluster(12, {}, lan, seed);
    cluster.startKnown();
    cluster.run(5_000);
    cluster.cuts = (from, to) => from < 6 !== to < 6;
    cluster.run(300_000);
    expect(cluster.node(0).machine.members()).toHaveLength(6);
    cluster.cuts = () => false;
    expect(runUntil(cluster, 180_000, () => allSeeAll(cluster))).toBeLessThan(180_000);
  });

  it('a member that was held for a minute returns, and no other is touched', () => {
    const cluster = new SimulatedCluster(16, {}, lan, seed);
    cluster.startKnown();
    cluster.run(10_000);
    cluster.block(5);
    cluster.run(60_000);
    cluster.release(5);
    expect(runUntil(cluster, 60_000, () => allSeeAll(cluster))).toBeLessThan(60_000);
    const wrong = cluster.events.filter(
      ({ kind, about, observer }) => kind === 'died' && about !== 5 && observer !== 5,
    );
    expect(wrong).toEqual([]);
  });

  it('stays within its bounds of messages and memory through chaos', () => {
    const cluster = new SimulatedCluster(30, {}, bad, seed);
    const random = new SeededRandom(seed);
    cluster.startKnown();
    for (let step = 0; step < 60; step++) {
      const index = 1 + random.below(29);
      const { up, blocked } = cluster.node(index);
      const chance = random.below(4);
      if (!up) cluster.restart(index, 0);
      else if (blocked) cluster.release(index);
      else if (chance === 0) cluster.crash(index);
      else if (chance === 1) cluster.block(index);
      cluster.run(3_000);
    }
    const queued = Math.max(...cluster.nodes.map(({ machine }) => machine.queued));
    expect(queued).toBeLessThan(BROADCASTS_MAX);
    // Probe, ack, three rounds of gossip to three members, five times a second at the very worst.
    expect(cluster.packets / (30 * (cluster.now / 1_000))).toBeLessThan(25);
    for (const node of cluster.nodes) {
      if (!node.up) cluster.restart(node.index, 0);
      if (node.blocked) cluster.release(node.index);
    }
    expect(runUntil(cluster, 240_000, () => allSeeAll(cluster))).toBeLessThan(240_000);
  });

  it('the same seed gives the same run', () => {
    const run = (): readonly [number, number, number] => {
      const cluster = new SimulatedCluster(10, {}, bad, seed);
      cluster.startJoining(500);
      cluster.run(30_000);
      return [cluster.packets, cluster.bytes, cluster.events.length];
    };
    expect(run()).toEqual(run());
  });
});
