/**
 * Goal: theirs and ours die alike, and turn keys and labels together. The death of theirs and of ours
 * side by side; a rotation of keys and a migration of labels under traffic. `KILLS` in the environment
 * makes the first longer; `npm run soak` does.
 */
import { afterEach, beforeAll, expect, it } from '@jest/globals';
import { utf8 } from '../../../src/gossip/core/bytes.js';
import { buildNodes, describeWithGo, GoNode, type Release, RELEASES } from './go-node.js';
import { waitFor } from '../../support/eventually.js';
import { WeirNode } from './weir-node.js';
import { withoutStalls } from './without-stalls.js';

const KILLS = Number(process.env['KILLS'] ?? 2);

const gos: GoNode[] = [];
const weirs: WeirNode[] = [];
let underWay: Traffic | undefined;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const report = (text: string): void => void process.stderr.write(`${text}\n`);

async function stopAll(): Promise<void> {
  await underWay?.stop();
  underWay = undefined;
  for (const node of gos.splice(0)) node.stop();
  for (const node of weirs.splice(0)) await node.stop();
}

afterEach(stopAll);

beforeAll(buildNodes, 300_000);

describeWithGo('a kill', () => {
  it(
    'of theirs and of ours is noticed within the same bounds',
    async () => {
      const observers = await Promise.all([
        GoNode.start('new', 'go-observer'),
        GoNode.start('new', 'go-observer2'),
      ]);
      gos.push(...observers);
      for (const i of [1, 2, 3]) weirs.push(await WeirNode.start(`weir-observer${i}`));
      const [seed] = weirs;
      for (const node of gos) await node.tell(`join ${seed?.address}`);
      for (const node of weirs.slice(1)) await node.service.join([seed?.address ?? '']);
      const took: Record<'memberlist' | 'weir', number[]> = { memberlist: [], weir: [] };
      const round = async (i: number): Promise<void> => {
        const theirs = await GoNode.start('new', `go-victim${i}`);
        const ours = await WeirNode.start(`weir-victim${i}`);
        await theirs.tell(`join ${seed?.address}`);
        await ours.service.join([seed?.address ?? '']);
        const names = [theirs.name, ours.name];
        await waitFor(
          'the victims to be known',
          () =>
            names.every(
              (name) =>
                weirs.every((node) => node.service.member(name) !== undefined) &&
                observers.every((node) => node.event('join', name)),
            ),
          45_000,
        );
        const killedAt = performance.now();
        theirs.stop();
        await ours.stop();
        for (const [kind, name] of [
          ['memberlist', theirs.name],
          ['weir', ours.name],
        ] as const) {
          await waitFor(
            `the death of ${name}`,
            () =>
              weirs.every((node) => node.timeOf(name, 'died')) &&
              observers.every((node) => node.event('leave', name)),
            60_000,
          );
          const times = [
            ...weirs.map((node) => node.timeOf(name, 'died') ?? 0),
            ...observers.map((node) => node.event('leave', name)?.at ?? 0),
          ];
          took[kind].push(Math.min(...times) - killedAt, Math.max(...times) - killedAt);
        }
      };
      for (let i = 0; i < KILLS; i++) await round(i);
      for (const kind of ['memberlist', 'weir'] as const) {
        const times = took[kind].toSorted((a, b) => a - b);
        const at = (share: number): string =>
          ((times[Math.floor(share * (times.length - 1))] ?? 0) / 1_000).toFixed(2);
        report(
          `${KILLS} kills of ${kind}: noticed after ${at(0)} to ${at(1)} s, median ${at(0.5)} s`,
        );
        // The least wait is 4 s; the longest, with nobody confirming, 24 s; and some rounds to be probed.
        expect(times[0]).toBeGreaterThan(4_000);
        expect(times.at(-1)).toBeLessThan(24_000 + 10_000);
      }
    },
    60_000 + KILLS * 60_000,
  );
});

/** Numbered messages from everybody to everybody, over streams, until stopped. */
class Traffic {
  readonly failures: string[] = [];
  sent = 0;
  private stopped = false;
  private readonly running: Promise<void>;

  constructor() {
    this.running = this.loop();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.running;
  }

  private async loop(): Promise<void> {
    while (!this.stopped) {
      for (const from of weirs) await this.fromWeir(from);
      for (const from of gos) await this.fromGo(from);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  private async fromWeir(from: WeirNode): Promise<void> {
    for (const to of [...weirs, ...gos].filter((node) => node !== from)) {
      try {
        await from.service.sendReliable(to.name, utf8(`m${++this.sent}`));
      } catch (error) {
        this.failures.push(`${from.name} to ${to.name}: ${String(error)}`);
      }
    }
  }

  private async fromGo(from: GoNode): Promise<void> {
    for (const to of weirs) {
      try {
        await from.tell(`rel ${to.name} ${hex(utf8(`m${++this.sent}`))}`);
      } catch (error) {
        this.failures.push(`${from.name} to ${to.name}: ${String(error)}`);
      }
    }
  }

  received(): number {
    const ours = weirs.reduce((sum, node) => sum + node.delegate.messages.length, 0);
    return gos.reduce((sum, node) => sum + node.all('msg').length, ours);
  }
}

async function undisturbed(traffic: Traffic): Promise<void> {
  await traffic.stop();
  await waitFor(`all ${traffic.sent} messages`, () => traffic.received() === traffic.sent);
  expect(traffic.failures).toEqual([]);
  for (const node of weirs) {
    expect([...new Set(node.delegate.events.map(({ kind }) => kind))]).toEqual(['joined']);
    // Nor a packet that a retry or TCP made good.
    const faults = Object.keys(node.service.counters()).filter((name) => name.startsWith('fault.'));
    expect(faults).toEqual([]);
  }
  expect(gos.flatMap((node) => node.suspicions)).toEqual([]);
}

/**
 * What they speak by now, they speak with everybody, over UDP: a ping of each pair, while messages of
 * the application pass over TCP. A single packet may be lost; what cannot be read never arrives.
 */
async function everyPairSpeaks(traffic: Traffic): Promise<void> {
  const before = traffic.sent;
  for (const from of weirs) {
    for (const { name } of [...weirs, ...gos].filter((to) => to !== from)) {
      await waitFor(`${from.name} to hear ${name}`, async () => {
        return (await from.service.ping(name)).rttMs !== undefined;
      });
    }
  }
  for (const from of gos) {
    for (const { name } of weirs) {
      await waitFor(`${from.name} to hear ${name}`, () =>
        from.tell(`ping ${name}`).then(
          () => true,
          () => false,
        ),
      );
    }
  }
  await waitFor('more traffic', () => traffic.sent > before + 10);
}

/** A round of everybody's own probes, and more. */
const probeRound = async (): Promise<void> => {
  const counted = (): number => weirs[0]?.service.counters()['packets.in'] ?? 0;
  const before = counted();
  await waitFor('ten more packets', () => counted() > before + 10);
};

describeWithGo('under traffic', () => {
  it.each([...RELEASES])(
    'a rotation of keys with %s memberlist loses no member and no message',
    (release) => withoutStalls(() => rotation(release), stopAll),
    600_000,
  );

  async function rotation(release: Release): Promise<void> {
    const [old, fresh] = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
    for (const name of ['go1', 'go2'])
      gos.push(await GoNode.start(release, name, ['-keys', hex(old)]));
    for (const name of ['weir1', 'weir2', 'weir3'])
      weirs.push(await WeirNode.start(name, { keys: [old] }));
    for (const node of weirs) await node.service.join([gos[0]?.address ?? '']);
    await gos[1]?.tell(`join ${gos[0]?.address}`);
    await waitFor('all to meet', () => weirs.every((node) => node.memberNames().length === 5));
    const traffic = (underWay = new Traffic());
    await everyPairSpeaks(traffic);
    for (const node of gos) await node.tell(`addkey ${hex(fresh)}`);
    for (const node of weirs) expect(node.service.keyring.install(fresh)).toBeUndefined();
    await everyPairSpeaks(traffic);
    for (const node of weirs) expect(node.service.keyring.use(fresh)).toBeUndefined();
    await everyPairSpeaks(traffic);
    for (const node of gos) await node.tell(`usekey ${hex(fresh)}`);
    await everyPairSpeaks(traffic);
    for (const node of gos) await node.tell(`rmkey ${hex(old)}`);
    for (const node of weirs) expect(node.service.keyring.remove(old)).toBeUndefined();
    await probeRound();
    await undisturbed(traffic);
    report(`key rotation (${release}): ${traffic.sent} messages, none lost, no suspicion`);
    expect(gos.flatMap((node) => node.alarming)).toEqual([]);
  }

  it(
    'a migration of labels, with keys and without, loses no member and no message',
    () => withoutStalls(migration, stopAll),
    600_000,
  );

  async function migration(): Promise<void> {
    for (const keys of [[], [new Uint8Array(32).fill(5)]]) {
      for (const name of ['weir1', 'weir2', 'weir3'])
        weirs.push(await WeirNode.start(name, { keys }));
      for (const node of weirs) await node.service.join([weirs[0]?.address ?? '']);
      await waitFor('all to meet', () => weirs.every((node) => node.memberNames().length === 3));
      const [none, blue] = [utf8(''), utf8('blue')];
      const traffic = (underWay = new Traffic());
      await everyPairSpeaks(traffic);
      for (const step of [
        (node: WeirNode) => node.service.labels.accept(blue),
        (node: WeirNode) => node.service.labels.use(blue),
        (node: WeirNode) => node.service.labels.refuse(none),
      ]) {
        for (const node of weirs) {
          expect(step(node)).toBeUndefined();
          await everyPairSpeaks(traffic);
        }
      }
      await probeRound();
      await undisturbed(traffic);
      report(`label migration (${keys.length} keys): ${traffic.sent} messages, none lost`);
      // What memberlist with that label says is now understood, and what an unlabelled node says is not.
      const go = await GoNode.start('new', 'go1', [
        '-label',
        'blue',
        ...keys.flatMap((key) => ['-keys', hex(key)]),
      ]);
      expect((await go.tell(`join ${weirs[0]?.address}`)).joined).toBe(1);
      go.stop();
      const stranger = await WeirNode.start('x', { keys });
      expect((await stranger.service.join([weirs[0]?.address ?? ''])).joined).toBe(0);
      await stranger.stop();
      for (const node of weirs.splice(0)) await node.stop();
    }
  }
});
