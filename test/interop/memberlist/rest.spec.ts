/**
 * Goal: everybody together at rest, and nobody doubts anybody. `IDLE_SECONDS` in the environment makes
 * the rest longer; `npm run soak` does. Then leaves and deaths, as each program sees them.
 */
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { buildNodes, describeWithGo, GoNode, RELEASES } from './go-node.js';
import { loopbackMachines } from '../../support/process-cluster.js';
import { hasSerf, SERF_GO_FLAGS, SERF_VSN, SerfAgent } from './serf-agent.js';
import { waitFor } from '../../support/eventually.js';
import { WeirNode } from './weir-node.js';
import { withoutStalls } from './without-stalls.js';

const SERF_HOSTS = loopbackMachines(['serf1', 'serf2']).map(({ host }) => host) as [string, string];
const IDLE_MS = 1_000 * Number(process.env['IDLE_SECONDS'] ?? 60);

const gos: GoNode[] = [];
const weirs: WeirNode[] = [];
const serfs: SerfAgent[] = [];

const report = (text: string): void => void process.stderr.write(`${text}\n`);

async function stopAll(): Promise<void> {
  for (const node of gos.splice(0)) node.stop();
  for (const agent of serfs.splice(0)) await agent.kill();
  for (const node of weirs.splice(0)) await node.stop();
}

afterEach(stopAll);

beforeAll(buildNodes, 300_000);

describeWithGo('all programs in one cluster', () => {
  it(
    'rest without a suspicion, and see leaves and deaths alike',
    () => withoutStalls(restAndEnd, stopAll),
    3 * (IDLE_MS + 360_000),
  );

  async function restAndEnd(): Promise<void> {
    for (const release of RELEASES) {
      for (const i of [1, 2]) {
        gos.push(await GoNode.start(release, `${release}${i}`, [...SERF_GO_FLAGS]));
      }
    }
    for (const i of [1, 2, 3]) weirs.push(await WeirNode.start(`weir${i}`, { vsn: SERF_VSN }));
    if (hasSerf) serfs.push(await SerfAgent.start('serf1', SERF_HOSTS[0]));
    const [seed] = weirs;
    for (const node of gos) await node.tell(`join ${seed?.address}`);
    for (const node of weirs.slice(1)) await node.service.join([gos[0]?.address ?? '']);
    for (const agent of serfs) await agent.run('join', seed?.address ?? '');
    const count = gos.length + weirs.length + serfs.length;
    // Gossip misses somebody now and then; the first push/pull, within a minute, does not.
    await waitFor(
      'everybody to see everybody',
      async () => {
        for (const node of gos) if ((await node.memberNames()).length !== count) return false;
        for (const agent of serfs) if ((await agent.members()).length !== count) return false;
        return weirs.every((node) => node.memberNames().length === count);
      },
      120_000,
    );
    const until = performance.now() + IDLE_MS;
    await waitFor('the rest to end', () => performance.now() > until, IDLE_MS + 5_000);
    const scores = await Promise.all(gos.map(async (node) => (await node.tell('score')).score));
    report(
      `idle ${IDLE_MS / 1_000} s, ${gos.length} memberlist, ${weirs.length} Weir, ${serfs.length} serf: ` +
        `scores ${scores.join()} and ${weirs.map((node) => node.service.self.healthScore).join()}`,
    );
    expect(gos.flatMap((node) => [...node.suspicions, ...node.alarming])).toEqual([]);
    expect(serfs.flatMap((agent) => agent.alarming)).toEqual([]);
    for (const node of weirs) {
      const kinds = new Set(node.delegate.events.map(({ kind }) => kind));
      expect([...kinds]).toEqual(['joined']);
    }
    expect(new Set([...scores, ...weirs.map((node) => node.service.self.healthScore)])).toEqual(
      new Set([0]),
    );
    await leavesAndDeaths();
  }

  /** serf shows our leave as a leave; we see its leave as a leave, and its murder as a death. */
  async function leavesAndDeaths(): Promise<void> {
    const [first, second] = weirs;
    const [agent] = serfs;
    if (agent === undefined || first === undefined || second === undefined) return;
    expect(Buffer.from(first.service.member('serf1')?.meta ?? []).includes('third')).toBe(true);
    await second.service.leave(5_000);
    await waitFor('serf to see our leave', async () => {
      const lines = await agent.members();
      // serf calls a member left only if it said so in serf's own words.
      return lines.some((line) => line === 'weir2 left' || line === 'weir2 failed');
    });
    await agent.run('leave');
    await waitFor('us to see its leave', () => first.events('serf1').includes('serf1 left'));
    const again = await SerfAgent.start('serf2', SERF_HOSTS[1]);
    serfs.push(again);
    await again.run('join', first.address);
    await waitFor('serf2', () => first.events('serf2').includes('serf2 joined'));
    await again.kill();
    await waitFor('its death', () => first.events('serf2').includes('serf2 died'), 60_000);
  }
});
