import { describe, expect, it } from '@jest/globals';
import { alive, at, Bench, dead, suspect } from '../../../test/simulation/gossip/machine-kit.js';
import { AllowedNetworks } from '../../common/allowed-networks.js';
import { DEFAULT_VSN, MEMBERS_MAX } from './gossip-options.js';
import type { NodeState } from './messages.js';

const moved = { addr: Uint8Array.of(127, 0, 0, 8) };

/** Six others, so that suspicions want confirmations. */
function crowd(extra = {}): Bench {
  const bench = new Bench(extra);
  for (const name of ['b', 'c', 'd', 'e', 'f']) bench.packet(alive(name, 1));
  bench.take();
  return bench;
}

describe('alive', () => {
  it('brings in somebody new, with one event and one broadcast', () => {
    const bench = new Bench();
    const before = bench.machine.queued;
    bench.packet(alive('a', 1));
    expect(bench.events()).toEqual(['a joined']);
    expect(bench.machine.queued).toBe(before + 1);
    bench.packet(alive('a', 1));
    expect(bench.events()).toEqual([]);
    expect(bench.machine.queued).toBe(before + 1);
  });

  it('at incarnation 0 brings nobody in', () => {
    const bench = new Bench();
    bench.packet(alive('a', 0));
    expect(bench.stateOf('a')).toBe('unknown');
  });

  it('with a higher incarnation clears a suspect', () => {
    const bench = crowd();
    bench.packet(suspect('b', 1, 'c'));
    bench.packet(alive('b', 1));
    expect(bench.stateOf('b')).toBe('suspect 1');
    bench.take();
    bench.packet(alive('b', 2));
    expect(bench.events()).toEqual(['b cleared']);
    bench.answering = true;
    bench.pass(120_000);
    expect(bench.events()).toEqual([]);
  });

  it('with other metadata is an update, with the same none; nil and empty are the same', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1), alive('a', 2, { meta: new Uint8Array(0) }));
    expect(bench.events()).toEqual(['a joined']);
    bench.packet(alive('a', 3, { meta: Uint8Array.of(1) }));
    expect(bench.events()).toEqual(['a updated']);
  });

  it('about us with other metadata is refuted, and ours is kept', () => {
    const bench = new Bench({ meta: Uint8Array.of(7) });
    bench.packet(alive('self', 4, { addr: at(1).addr, meta: Uint8Array.of(9) }));
    expect(bench.stateOf('self')).toBe('alive 5');
    expect(bench.machine.member('self')?.meta).toEqual(Uint8Array.of(7));
    expect(bench.machine.healthScore).toBe(1);
  });

  it('about us that says what we say is nothing', () => {
    const bench = new Bench();
    bench.packet(alive('self', 1, { addr: at(1).addr }));
    expect(bench.stateOf('self')).toBe('alive 1');
    expect(bench.machine.healthScore).toBe(0);
  });

  it('from another address is a conflict, also for ourselves, and 4 bytes are not 16', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.take();
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 9);
    for (const other of [moved, { port: 1 }, { addr: mapped }]) {
      expect(bench.packet(alive('a', 9, other))).toContainEqual({
        kind: 'notice',
        notice: 'conflict',
        node: 'a',
      });
    }
    expect(bench.stateOf('a')).toBe('alive 1');
    bench.packet(alive('self', 9, moved));
    expect(bench.stateOf('self')).toBe('alive 1');
  });

  it('from another address is taken from one who left, with any incarnation', () => {
    const bench = new Bench();
    bench.packet(alive('a', 5));
    bench.packet(dead('a', 5, 'a'));
    bench.take();
    bench.packet(alive('a', 1, moved));
    expect(bench.events()).toEqual(['a joined']);
    expect(bench.machine.member('a')).toMatchObject({ incarnation: 1, ...moved, routable: true });
  });

  it('from another address is taken from the dead after the reclaim time only', () => {
    const bench = new Bench({ deadNodeReclaimMs: 5_000 });
    bench.packet(alive('a', 1));
    bench.packet(dead('a', 1, 'b'));
    bench.now += 4_000;
    bench.packet(alive('a', 2, moved));
    expect(bench.stateOf('a')).toBe('dead 1');
    bench.now += 2_000;
    bench.packet(alive('a', 2, moved));
    expect(bench.stateOf('a')).toBe('alive 2');
  });

  it('is refused when the address or the sender is outside of the allowed space', () => {
    const bench = new Bench({ allowed: new AllowedNetworks(['127.0.0.0/24']) });
    bench.packet(alive('a', 1, { addr: Uint8Array.of(10, 0, 0, 1) }));
    bench.give({
      kind: 'packet',
      from: { addr: Uint8Array.of(10, 0, 0, 1), port: 7946 },
      messages: [alive('b', 1)],
    });
    bench.packet(alive('c', 1, { addr: new Uint8Array(0) }));
    expect(bench.drops()).toEqual(Array.from({ length: 3 }, () => 'address-not-allowed'));
  });

  it('with a replayed incarnation leaves the dead dead', () => {
    const bench = crowd();
    bench.packet(dead('b', 1, 'c'));
    bench.packet(alive('b', 1));
    expect(bench.stateOf('b')).toBe('dead 1');
  });

  it('too old, sent by the restarted node itself, is answered with the accusation', () => {
    const bench = crowd();
    bench.packet(alive('b', 7), dead('b', 7, 'c'));
    bench.take();
    const from = { addr: alive('b', 1).addr, port: 7946 };
    bench.give({ kind: 'packet', from, messages: [alive('b', 1)] });
    expect(bench.sent()).toEqual([{ to: from, messages: [dead('b', 7, 'self')], checksum: true }]);
    bench.packet(alive('b', 1));
    expect(bench.sent()).toEqual([]);
  });

  it('back from the dead is routed to again after three good probes', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1), dead('a', 1, 'x'), alive('a', 2));
    bench.packet(dead('a', 2, 'x'));
    bench.packet(alive('a', 3));
    expect(bench.machine.member('a')).toMatchObject({ state: 'alive', routable: false });
    bench.take();
    const proven: string[] = [];
    for (let probes = 0; probes < 3; probes++) {
      for (let seq = 0, steps = 0; seq === 0 && steps < 50; steps++) {
        bench.pass(100);
        const effects = bench.take();
        const ping = bench.messages(effects).find((message) => message.kind === 'ping');
        if (ping === undefined) continue;
        seq = ping.seq;
        bench.packet({ kind: 'ack', seq });
      }
      proven.push(...bench.events());
    }
    expect(proven).toContain('a proven');
    expect(bench.machine.member('a')?.routable).toBe(true);
  });
});

describe('suspect', () => {
  it('about somebody unknown or of an older incarnation is nothing', () => {
    const bench = new Bench();
    bench.packet(suspect('x', 9, 'y'));
    bench.packet(alive('a', 5));
    bench.packet(suspect('a', 4, 'y'));
    expect(bench.stateOf('a')).toBe('alive 5');
    expect(bench.drops()).toEqual(['unknown-member', 'stale']);
  });

  it('starts the wait, which ends in death', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.now = 1_000;
    bench.packet(suspect('a', 3, 'y'));
    expect(bench.machine.member('a')).toMatchObject({
      state: 'suspect',
      incarnation: 3,
      stateSince: 1_000,
    });
    bench.pass(3_999);
    expect(bench.stateOf('a')).toBe('suspect 3');
    bench.pass(1);
    expect(bench.stateOf('a')).toBe('dead 3');
    expect(bench.events()).toEqual(['a joined', 'a suspected', 'a died']);
  });

  it('is confirmed by others, each once, which shortens the wait', () => {
    const wait = (accusers: readonly string[]): number => {
      const bench = crowd({ reconnectIntervalMs: 0, pushPullIntervalMs: 0 });
      bench.answering = true;
      bench.packet(suspect('b', 1, 'x'));
      for (const from of accusers) bench.packet(suspect('b', 1, from));
      while (bench.machine.member('b')?.state === 'suspect' && bench.now < 60_000) bench.pass(10);
      return bench.now;
    };
    expect(wait([])).toBe(24_000);
    expect(wait(['x', 'x'])).toBe(24_000);
    expect(wait(['y'])).toBe(11_390);
    expect(wait(['y', 'z'])).toBe(4_000);
    expect(wait(['y', 'z', 'w'])).toBe(4_000);
  });

  it('that is new information is passed on, and no other', () => {
    const quiet = crowd();
    quiet.packet(suspect('b', 1, 'x'));
    const queued = quiet.machine.queued;
    quiet.packet(suspect('b', 1, 'x'));
    expect(quiet.machine.queued).toBe(queued);
  });

  it('about us is refuted past the accused incarnation', () => {
    const bench = crowd();
    bench.packet(suspect('self', 200, 'y'));
    expect(bench.stateOf('self')).toBe('alive 201');
    expect(bench.machine.healthScore).toBe(1);
    bench.pass(450);
    expect(bench.messages()).toContainEqual(
      expect.objectContaining({ kind: 'alive', node: 'self', incarnation: 201 }),
    );
  });

  it('about us at the greatest incarnation cannot be refuted, and is no crash', () => {
    const bench = crowd();
    bench.packet(suspect('self', 0xffff_ffff, 'y'));
    expect(bench.stateOf('self')).toBe('alive 1');
    expect(bench.drops()).toEqual(['incarnation-exhausted']);
  });

  it('about the dead is nothing, whatever its incarnation', () => {
    const bench = crowd();
    bench.packet(dead('b', 1, 'c'));
    bench.packet(suspect('b', 9, 'c'));
    expect(bench.stateOf('b')).toBe('dead 1');
  });
});

describe('dead', () => {
  it('is a leave if the node says it of itself, and a death otherwise', () => {
    const bench = crowd();
    bench.packet(dead('b', 1, 'b'), dead('c', 1, 'x'));
    expect(bench.stateOf('b')).toBe('left 1');
    expect(bench.stateOf('c')).toBe('dead 1');
    expect(bench.events()).toEqual(['b left', 'c died']);
  });

  it('twice is one event, and a death does not become a leave', () => {
    const bench = crowd();
    bench.packet(dead('b', 1, 'x'), dead('b', 2, 'b'));
    expect(bench.events()).toEqual(['b died']);
    expect(bench.stateOf('b')).toBe('dead 1');
  });

  it('of an older incarnation or somebody unknown is nothing', () => {
    const bench = crowd();
    bench.packet(alive('b', 3), dead('b', 2, 'x'), dead('zed', 1, 'x'));
    expect(bench.stateOf('b')).toBe('alive 3');
    expect(bench.stateOf('zed')).toBe('unknown');
  });

  it('about us is refuted', () => {
    const bench = crowd();
    bench.packet(dead('self', 1, 'x'));
    expect(bench.stateOf('self')).toBe('alive 2');
  });
});

describe('push/pull', () => {
  const entry = (name: string, state: number, incarnation = 1): NodeState => ({
    name,
    addr: alive(name, 1).addr,
    port: 7946,
    incarnation,
    state,
    vsn: DEFAULT_VSN,
  });

  const pushPull = (nodes: readonly NodeState[]) =>
    ({ kind: 'pushPull', stream: 5, join: true, nodes, userState: Uint8Array.of(1, 2) }) as const;

  it('answers before it merges', () => {
    const bench = new Bench();
    const [answer] = bench.give(pushPull([entry('a', 0)]));
    expect(answer).toMatchObject({ kind: 'answerPushPull', stream: 5, join: true });
    expect(answer?.kind === 'answerPushPull' && answer.nodes.map(({ name }) => name)).toEqual([
      'self',
    ]);
    expect(bench.stateOf('a')).toBe('alive 1');
  });

  it('makes the dead suspects in our name, and believes in leaves', () => {
    const bench = crowd();
    bench.give(
      pushPull([entry('b', 0, 2), entry('c', 1), entry('d', 2), entry('e', 3), entry('f', 77)]),
    );
    expect(['b', 'c', 'd', 'e', 'f'].map((name) => bench.stateOf(name))).toEqual([
      'alive 2',
      'suspect 1',
      'suspect 1',
      'left 1',
      'alive 1',
    ]);
  });

  it('learns nobody who is not alive', () => {
    const bench = new Bench();
    bench.give(pushPull([entry('a', 1), entry('b', 2), entry('c', 3)]));
    expect(bench.machine.members()).toHaveLength(1);
  });

  it('hands the application its state', () => {
    const bench = new Bench();
    expect(bench.give(pushPull([entry('a', 0)]))).toContainEqual({
      kind: 'mergeUserState',
      bytes: Uint8Array.of(1, 2),
      join: true,
    });
  });

  it('is refused as a whole if one entry speaks what others do not', () => {
    const bench = new Bench();
    const alien = { ...entry('b', 0), vsn: Uint8Array.of(1, 5, 9, 0, 0, 0) };
    bench.give({ kind: 'join', exchange: 3, to: at(2) });
    const reply = { kind: 'pushPullReply', exchange: 3, userState: new Uint8Array(0) } as const;
    const effects = bench.give({ ...reply, nodes: [entry('a', 0), alien] });
    expect(effects).toContainEqual({
      kind: 'exchangeDone',
      exchange: 3,
      error: "node 'b' protocol version (9) is incompatible: [1, 5]",
    });
    expect(bench.stateOf('a')).toBe('unknown');
  });

  it('of more members than there can be is taken in up to the bound, without a crash', () => {
    const bench = new Bench();
    const nodes = Array.from({ length: 17_000 }, (_, i) => entry(`m${i}`, 0));
    bench.give(pushPull(nodes));
    expect(bench.machine.members()).toHaveLength(MEMBERS_MAX);
    expect(bench.machine.queued).toBeLessThanOrEqual(4_096);
  });

  it('tells a restarted node of its past, which it refutes', () => {
    for (const [state, incarnation] of [
      [0, 4],
      [1, 4],
      [2, 4],
      [3, 4],
    ] as const) {
      const bench = new Bench();
      const self = { ...entry('self', state, incarnation), addr: at(1).addr };
      bench.give(pushPull([self]));
      expect(bench.stateOf('self')).toBe('alive 5');
    }
  });

  it('is sent to one random member in each interval', () => {
    const bench = crowd({ probeIntervalMs: 1e9, probeTimeoutMs: 1e8 });
    bench.pass(150_000);
    const opened = bench.take().filter((effect) => effect.kind === 'openPushPull');
    expect(opened.length).toBeGreaterThanOrEqual(4);
    expect(opened.length).toBeLessThanOrEqual(5);
    expect(opened.every((effect) => !effect.join)).toBe(true);
  });
});
