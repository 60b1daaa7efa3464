/**
 * Goal: a memberlist node bound to all interfaces puts its IPv4 address on the wire as 16 bytes; we
 * pass it on as it came, or every node would report a conflict. Method: two such nodes in a network
 * namespace of their own, which know one another only through us. Needs the right to make one.
 */
import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { buildNode, GoNode, hasGo } from './go-node.js';
import { isPresent } from './presence.js';
import { waitFor } from '../../support/eventually.js';
import { WeirNode } from './weir-node.js';
import { withoutStalls } from './without-stalls.js';

const SPACE = `weir-${process.pid}`;
const [OUTSIDE, INSIDE] = ['wg-out', 'wg-in'].map((name) => `${name}${process.pid % 100_000}`);
/** Outside of namespaces, so that no two runs on one machine may have the same. */
const NET = 100 + (process.pid % 100);
const [OURS, THEIRS] = [`10.213.${NET}.1`, `10.213.${NET}.2`];

const ip = (...args: readonly (string | undefined)[]): void => {
  execFileSync('ip', args.map(String), { stdio: 'pipe' });
};

function canMakeNamespaces(): boolean {
  try {
    ip('netns', 'add', SPACE);
    return true;
  } catch {
    return false;
  }
}

const possible = isPresent(
  'the right to make a network namespace',
  hasGo && canMakeNamespaces(),
  'run as root, with iproute2',
);

(possible ? describe : describe.skip)('nodes bound to all interfaces', () => {
  beforeAll(() => {
    buildNode('new');
    ip('link', 'add', OUTSIDE, 'type', 'veth', 'peer', 'name', INSIDE, 'netns', SPACE);
    ip('addr', 'add', `${OURS}/30`, 'dev', OUTSIDE);
    ip('link', 'set', OUTSIDE, 'up');
    ip('-n', SPACE, 'addr', 'add', `${THEIRS}/30`, 'dev', INSIDE);
    ip('-n', SPACE, 'link', 'set', INSIDE, 'up');
    ip('-n', SPACE, 'link', 'set', 'lo', 'up');
  }, 300_000);

  afterAll(() => ip('netns', 'del', SPACE));

  it(
    'keep their 16 bytes through us, and nobody reports a conflict',
    () => withoutStalls(meet, stopAll),
    180_000,
  );

  const gos: GoNode[] = [];
  const weirs: WeirNode[] = [];

  afterEach(stopAll);

  async function stopAll(): Promise<void> {
    for (const node of gos) node.stop();
    // Their ports are asked for again.
    for (const node of gos.splice(0)) await node.ended();
    for (const node of weirs.splice(0)) await node.stop();
  }

  async function meet(): Promise<void> {
    const flags = (port: string): readonly string[] => ['-bind', '0.0.0.0', '-port', port];
    const wrapper = ['ip', 'netns', 'exec', SPACE];
    const a = await GoNode.start('new', 'a', flags('17946'), wrapper);
    gos.push(a);
    const c = await GoNode.start('new', 'c', flags('17947'), wrapper);
    gos.push(c);
    const b = await WeirNode.start('b', { bindHost: OURS ?? '' });
    weirs.push(b);
    await a.tell(`join ${b.address}`);
    await c.tell(`join ${b.address}`);
    await waitFor('all to meet', async () =>
      [b.memberNames(), await a.memberNames(), await c.memberNames()].every(
        (all) => all.length === 3,
      ),
    );
    const mapped = `00000000000000000000ffff0ad5${NET.toString(16)}02`;
    expect(Buffer.from(b.service.member('a')?.addr ?? []).toString('hex')).toBe(mapped);
    const updates = b.service.counters()['packets.in'] ?? 0;
    await b.service.update(Uint8Array.of(1));
    await waitFor('some probes', () => (b.service.counters()['packets.in'] ?? 0) > updates + 12);
    expect([...a.all('conflict'), ...c.all('conflict')]).toEqual([]);
    expect([...a.alarming, ...c.alarming, ...a.suspicions, ...c.suspicions]).toEqual([]);
    expect(b.service.counters()['notice.conflict']).toBeUndefined();
  }
});
