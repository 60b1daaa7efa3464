import { describe, expect, it } from '@jest/globals';
import { GOSSIP_LOOPS } from './gossip-input.js';
import { alive, at, Bench, dead, suspect } from '../../../test/simulation/gossip/machine-kit.js';

describe('gossip', () => {
  it('spreads news in packets no larger than the budget', () => {
    const bench = new Bench({ overheadBytes: () => 45 });
    for (let i = 0; i < 80; i++) bench.packet(alive(`node-with-a-name-${i}`, 1));
    bench.take();
    bench.pass(1_000);
    const sizes = bench.take().flatMap((effect) => {
      if (effect.kind !== 'send') return [];
      return [effect.parts.reduce((sum, part) => sum + part.length + 2, 2)];
    });
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_402 - 45);
    expect(Math.max(...sizes)).toBeGreaterThan(1_200);
  });

  it('sends each message so often and then no more', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1));
    bench.pass(30_000);
    // Two members: 4 * ceil(log10(3)) = 4 transmits of each of the two messages.
    expect(bench.messages().filter(({ kind }) => kind === 'alive')).toHaveLength(8);
    expect(bench.machine.queued).toBe(0);
  });

  it('reaches the freshly dead, and never those who left', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1, at(2)), alive('b', 1, at(3)), dead('a', 1, 'x'), dead('b', 1, 'b'));
    bench.take();
    bench.pass(5_000);
    const ports = new Set(bench.sent().map(({ to }) => to.addr[3]));
    expect([...ports]).toEqual([2]);
  });

  it('adds a checksum for those who know it only', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1, { ...at(2), vsn: Uint8Array.of(1, 4, 2, 0, 0, 0) }));
    bench.packet(alive('b', 1, at(3)));
    bench.take();
    bench.pass(2_000);
    const sent = bench.sent();
    expect(sent.filter(({ to }) => to.addr[3] === 2).every(({ checksum }) => !checksum)).toBe(true);
    expect(sent.filter(({ to }) => to.addr[3] === 3).every(({ checksum }) => checksum)).toBe(true);
  });

  it('carries messages of the application after those about members', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, pushPullIntervalMs: 0 });
    bench.give({ kind: 'broadcast', name: 'policy', payload: Uint8Array.of(1) });
    bench.give({ kind: 'broadcast', name: 'policy', payload: Uint8Array.of(2) });
    bench.packet(alive('a', 1));
    bench.take();
    bench.pass(400);
    const [first] = bench.sent();
    expect(first?.messages.at(-1)).toEqual({ kind: 'user', payload: Uint8Array.of(2) });
    expect(first?.messages).toHaveLength(3);
  });
});

describe('update', () => {
  it('raises the incarnation and is told to all', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.take();
    bench.give({ kind: 'update', meta: Uint8Array.of(5), token: 'u' });
    expect(bench.machine.member('self')).toMatchObject({ incarnation: 2, meta: Uint8Array.of(5) });
    bench.pass(3_000);
    expect(bench.take()).toContainEqual({ kind: 'broadcastDone', token: 'u' });
  });

  it('waits for nobody when alone', () => {
    const bench = new Bench();
    expect(bench.give({ kind: 'update', meta: undefined, token: 'u' })).toContainEqual({
      kind: 'broadcastDone',
      token: 'u',
    });
  });
});

describe('leave', () => {
  it('is told the full number of times, and then reported', () => {
    const bench = new Bench({ probeIntervalMs: 1e9 });
    bench.packet(alive('a', 1));
    bench.pass(5_000).take();
    bench.give({ kind: 'leave', token: 'bye' });
    expect(bench.stateOf('self')).toBe('left 1');
    bench.pass(3_000);
    const effects = bench.take();
    expect(bench.messages(effects).filter(({ kind }) => kind === 'dead')).toHaveLength(4);
    expect(effects).toContainEqual({ kind: 'broadcastDone', token: 'bye' });
  });

  it('goes on answering, and ignores what is said about it', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.give({ kind: 'leave', token: 'bye' });
    bench.packet(suspect('self', 5, 'a'), alive('self', 9, at(1)), dead('self', 9, 'a'));
    expect(bench.stateOf('self')).toBe('left 1');
    bench.take();
    bench.packet({ kind: 'ping', seq: 1, node: 'self' });
    expect(bench.messages()[0]).toEqual({ kind: 'ack', seq: 1 });
  });

  it('alone is done at once', () => {
    const bench = new Bench();
    expect(bench.give({ kind: 'leave', token: 'bye' })).toContainEqual({
      kind: 'broadcastDone',
      token: 'bye',
    });
  });
});

describe('a healed partition', () => {
  it('is closed by calling the failed again, after they were reaped', () => {
    const bench = new Bench({ pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1, at(2)), dead('a', 1, 'x'));
    bench.pass(120_000);
    const calls = bench.take().filter((effect) => effect.kind === 'openPushPull');
    expect(calls.length).toBeGreaterThanOrEqual(2);
    expect(calls[0]).toMatchObject({ to: at(2), join: true });
  });

  it('does not call those who left', () => {
    const bench = new Bench({ pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1), dead('a', 1, 'a'));
    bench.pass(120_000);
    expect(bench.take().filter((effect) => effect.kind === 'openPushPull')).toEqual([]);
  });
});

describe('a pause of our own', () => {
  it('makes us doubt ourselves, by its length', () => {
    for (const [lagMs, score] of [
      [100, 0],
      [300, 1],
      [2_500, 3],
      [60_000, 7],
    ] as const) {
      const bench = new Bench();
      bench.give({ kind: 'lag', lagMs });
      expect(bench.machine.healthScore).toBe(score);
    }
  });

  it('is nothing to a node that was told not to doubt itself', () => {
    const bench = new Bench({ awarenessMaxMultiplier: 1 });
    bench.packet(alive('a', 1), suspect('a', 1, 'x'));
    bench.now = 30_000;
    bench.give({ kind: 'lag', lagMs: 30_000 });
    bench.give({ kind: 'tick' });
    expect(bench.stateOf('a')).toBe('dead 1');
  });

  it('gives a suspect time to be heard before it is buried', () => {
    const bench = new Bench({ probeIntervalMs: 1_000 });
    bench.packet(alive('a', 1), suspect('a', 1, 'x'));
    bench.now = 20_000;
    bench.give({ kind: 'lag', lagMs: 20_000 });
    bench.give({ kind: 'tick' });
    expect(bench.stateOf('a')).toBe('suspect 1');
    bench.packet(alive('a', 2));
    bench.pass(1_000);
    expect(bench.stateOf('a')).toBe('alive 2');
  });
});

describe('a congested network', () => {
  it('stops our own loops, so that nobody is accused of silence', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.take();
    bench.give({ kind: 'congested', loops: GOSSIP_LOOPS });
    bench.pass(30_000);
    expect(bench.sent()).toEqual([]);
    expect(bench.stateOf('a')).toBe('alive 1');
    bench.give({ kind: 'congested', loops: [] });
    bench.pass(2_000);
    expect(bench.messages().length).toBeGreaterThan(0);
  });

  it('gives whoever was being probed a time-out to answer when it is over, and is doubt', () => {
    const bench = new Bench({ pushPullIntervalMs: 0 });
    bench.packet(alive('a', 1));
    while (!bench.messages().some(({ kind }) => kind === 'ping')) bench.pass(10);
    // That ping has not left: it waits in the socket.
    bench.give({ kind: 'congested', loops: GOSSIP_LOOPS });
    bench.pass(16_000);
    bench.give({ kind: 'congested', loops: [] });
    bench.give({ kind: 'tick' });
    expect(bench.stateOf('a')).toBe('alive 1');
    expect(bench.machine.healthScore).toBe(7);
    bench.pass(1_000);
    expect(bench.stateOf('a')).toBe('suspect 1');
  });

  it('does not stop a suspicion that has begun', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1), suspect('a', 1, 'x'));
    bench.give({ kind: 'congested', loops: GOSSIP_LOOPS });
    bench.pass(10_000);
    expect(bench.stateOf('a')).toBe('dead 1');
  });
});

describe('ping of the application', () => {
  it('measures the round trip, brings the payload, or gives up', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, gossipIntervalMs: 1e9 });
    bench.packet(alive('a', 1));
    bench.take();
    bench.give({ kind: 'ping', token: 3, node: 'a' });
    const ping = bench.messages().find(({ kind }) => kind === 'ping');
    bench.now += 42;
    const payload = Uint8Array.of(0xca, 0xfe);
    if (ping?.kind === 'ping') bench.packet({ kind: 'ack', seq: ping.seq, payload });
    expect(bench.take()).toEqual([{ kind: 'pingDone', token: 3, rttMs: 42, payload }]);
    bench.give({ kind: 'ping', token: 4, node: 'a' });
    bench.take();
    bench.pass(600);
    expect(bench.take()).toEqual([{ kind: 'pingDone', token: 4 }]);
    expect(bench.give({ kind: 'ping', token: 5, node: 'nobody' })).toEqual([
      { kind: 'pingDone', token: 5 },
    ]);
  });
});

describe('notices', () => {
  it('tell of a member that sends from elsewhere than it says', () => {
    const bench = new Bench();
    const source = { ...at(50), name: 'asker' };
    const ping = { kind: 'ping', seq: 1, node: 'self', source } as const;
    bench.packet(ping);
    expect(bench.take()).toContainEqual({
      kind: 'notice',
      notice: 'source-differs',
      node: 'asker',
    });
    bench.give({ kind: 'packet', from: at(50), messages: [ping] });
    expect(bench.take().filter((effect) => effect.kind === 'notice')).toEqual([]);
  });
});
