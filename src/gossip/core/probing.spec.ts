import { describe, expect, it } from '@jest/globals';
import { alive, at, Bench, suspect } from '../../../test/simulation/gossip/machine-kit.js';
import type { GossipOptions } from './gossip-options.js';
import type { Alive, PacketMessage } from './messages.js';

const place = (last: number): Partial<Alive> => ({ addr: at(last).addr });

/** A target `t` and helpers, and the news about them already told. */
function withPeers(
  helpers: number,
  extra: Partial<GossipOptions> = {},
  peer: Partial<Alive> = {},
): Bench {
  const bench = new Bench({ pushPullIntervalMs: 0, reconnectIntervalMs: 0, ...extra });
  bench.packet(alive('t', 1, { ...place(2), ...peer }));
  for (let i = 0; i < helpers; i++) bench.packet(alive(`h${i}`, 1, { ...place(10 + i), ...peer }));
  bench.take();
  return bench;
}

/** Runs until `t` is pinged; everybody else answers at once. Gives the ping's number. */
function untilPinged(bench: Bench, name = 't'): number {
  for (let steps = 0; steps < 10_000; steps++) {
    const pings = bench.messages().filter((message) => message.kind === 'ping');
    for (const { seq, node } of pings) {
      if (node === name) return seq;
      bench.packet({ kind: 'ack', seq });
    }
    bench.pass(Math.max(0, (bench.machine.nextDeadline() ?? 0) - bench.now));
  }
  throw new Error(`${name} was never pinged`);
}

const kinds = (messages: readonly PacketMessage[]): readonly string[] =>
  messages.map(({ kind }) => kind);

describe('probe', () => {
  it('that is acknowledged changes nothing but the health score and the round trip', () => {
    const bench = withPeers(0);
    bench.packet(suspect('self', 1, 'x'));
    const seq = untilPinged(bench);
    bench.now += 12;
    bench.packet({ kind: 'ack', seq });
    expect(bench.machine.healthScore).toBe(0);
    expect(bench.machine.member('t')).toMatchObject({ state: 'alive', rttMs: 12 });
    bench.pass(900);
    expect(bench.machine.member('t')?.state).toBe('alive');
  });

  it('without an ack asks three others at the time-out, with the same number, and calls over TCP', () => {
    const bench = withPeers(5);
    const seq = untilPinged(bench);
    bench.pass(499);
    expect(kinds(bench.messages())).not.toContain('indirectPing');
    bench.pass(1);
    const effects = bench.take();
    const asked = bench.messages(effects).filter((message) => message.kind === 'indirectPing');
    expect(asked).toHaveLength(3);
    expect(asked[0]).toMatchObject({ seq, node: 't', target: at(2), nack: true });
    expect(effects).toContainEqual(
      expect.objectContaining({
        kind: 'openPing',
        to: at(2),
        ping: expect.objectContaining({ seq }),
      }),
    );
  });

  it('suspects at the deadline, in our own name', () => {
    const bench = withPeers(5);
    untilPinged(bench);
    bench.pass(999);
    expect(bench.stateOf('t')).toBe('alive 1');
    bench.pass(1);
    expect(bench.stateOf('t')).toBe('suspect 1');
  });

  it('is saved by a relayed ack', () => {
    const bench = withPeers(3);
    const seq = untilPinged(bench);
    bench.pass(700);
    bench.packet({ kind: 'ack', seq });
    bench.pass(400);
    expect(bench.stateOf('t')).toBe('alive 1');
  });

  it('of a suspect, acknowledged through a relay, leaves the suspicion to the suspect', () => {
    const bench = withPeers(3);
    bench.packet(suspect('t', 1, 'h0'));
    const seq = untilPinged(bench);
    bench.pass(700);
    const wasHealthy = bench.machine.healthScore;
    bench.packet({ kind: 'ack', seq });
    expect(bench.stateOf('t')).toBe('suspect 1');
    expect(bench.machine.healthScore).toBeLessThanOrEqual(wasHealthy);
    bench.packet(alive('t', 2, place(2)));
    expect(bench.stateOf('t')).toBe('alive 2');
  });

  it('is saved by TCP, at the deadline, with a notice', () => {
    const bench = withPeers(3);
    const seq = untilPinged(bench);
    bench.pass(600);
    bench.give({ kind: 'pingReply', seq, ok: true });
    bench.take();
    bench.pass(400);
    expect(bench.stateOf('t')).toBe('alive 1');
    expect(bench.take()).toContainEqual({ kind: 'notice', notice: 'udp-blocked', node: 't' });
  });

  it.each([
    ['switched off', { streamPings: false }, {}],
    ['not understood by the target', {}, { vsn: Uint8Array.of(1, 2, 2, 0, 0, 0) }],
  ])('does not call over TCP when that is %s', (_, extra, peer) => {
    const bench = withPeers(3, extra, peer);
    untilPinged(bench);
    bench.pass(600);
    expect(bench.take().filter((effect) => effect.kind === 'openPing')).toEqual([]);
  });

  it('costs as much health as nacks are missing', () => {
    for (const [nacks, score] of [
      [0, 3],
      [2, 1],
      [3, 0],
    ] as const) {
      const bench = withPeers(4);
      const seq = untilPinged(bench);
      bench.pass(600);
      for (let i = 0; i < nacks; i++) bench.packet({ kind: 'nack', seq });
      bench.pass(400);
      expect(bench.machine.healthScore).toBe(score);
    }
  });

  it('costs 1 if the relays know no nacks', () => {
    const bench = withPeers(4, {}, { vsn: Uint8Array.of(1, 3, 2, 0, 0, 0) });
    untilPinged(bench);
    bench.pass(600);
    const asked = bench.messages().filter((message) => message.kind === 'indirectPing');
    expect(asked.map(({ nack }) => nack)).toEqual([false, false, false]);
    bench.pass(400);
    expect(bench.machine.healthScore).toBe(1);
  });

  it('takes twice as long at health score 1, and only that', () => {
    const bench = withPeers(5);
    bench.packet(suspect('self', 1, 'x'));
    expect(bench.machine.healthScore).toBe(1);
    const bench2 = bench;
    for (let steps = 0; steps < 1_000; steps++) {
      const pings = bench2.messages().filter((message) => message.kind === 'ping');
      if (pings.length > 0) break;
      bench2.pass(50);
    }
    const start = bench2.now;
    bench2.pass(1_900);
    expect(bench2.machine.members().filter(({ state }) => state === 'suspect')).toEqual([]);
    bench2.pass(2_100 - (bench2.now - start));
    expect(bench2.machine.members().filter(({ state }) => state === 'suspect')).toHaveLength(1);
  });

  it('of a suspect carries the suspicion and nothing else', () => {
    const bench = withPeers(3);
    bench.packet(suspect('t', 1, 'h0'));
    bench.answering = true;
    bench.pass(10_000);
    const probe = bench
      .sent()
      .find(({ messages: [first] }) => first?.kind === 'ping' && first.node === 't');
    expect(probe?.messages.slice(1)).toEqual([suspect('t', 1, 'self')]);
    expect(probe?.checksum).toBe(true);
  });

  it('whose packet the network refuses goes on to the others at once', () => {
    const bench = withPeers(3);
    untilPinged(bench);
    bench.give({ kind: 'sendFailed', to: at(2) });
    expect(bench.messages().filter((message) => message.kind === 'indirectPing')).toHaveLength(3);
  });

  it('of an incarnation that has passed accuses nobody', () => {
    const bench = withPeers(3);
    untilPinged(bench);
    bench.packet(alive('t', 5, place(2)));
    bench.pass(1_000);
    expect(bench.stateOf('t')).toBe('alive 5');
  });

  it('visits everybody once in each round', () => {
    const bench = withPeers(6);
    const visited: string[] = [];
    for (let ms = 0; visited.length < 14 && ms < 40_000; ms += 100) {
      bench.pass(100);
      for (const message of bench.messages()) {
        if (message.kind !== 'ping') continue;
        visited.push(message.node);
        bench.packet({ kind: 'ack', seq: message.seq });
      }
    }
    const gap = Math.max(
      ...[...new Set(visited)].map((name) => visited.lastIndexOf(name) - visited.indexOf(name)),
    );
    expect(new Set(visited).size).toBe(7);
    expect(gap).toBeLessThanOrEqual(2 * 7 - 1);
  });

  it('skips the dead, and reaps them after their time', () => {
    const bench = withPeers(3);
    bench.packet({ kind: 'dead', node: 't', incarnation: 1, from: 'h0' });
    bench.packet({ kind: 'dead', node: 'h0', incarnation: 1, from: 'h0' });
    bench.take();
    const pinged = new Set<string>();
    const events: string[] = [];
    for (let ms = 0; ms < 40_000; ms += 100) {
      bench.pass(100);
      const effects = bench.take();
      events.push(...bench.events(effects));
      for (const message of bench.messages(effects)) {
        if (message.kind !== 'ping') continue;
        pinged.add(message.node);
        bench.packet({ kind: 'ack', seq: message.seq });
      }
    }
    expect([...pinged].toSorted()).toEqual(['h1', 'h2']);
    expect(events).toEqual(expect.arrayContaining(['t reaped', 'h0 reaped']));
    expect(bench.stateOf('t')).toBe('unknown');
  });
});

describe('answers', () => {
  const source = { ...at(50), name: 'asker' };

  it('to a ping go where it says, or back where it came from', () => {
    const bench = new Bench();
    bench.pass(5_000).take();
    bench.packet({ kind: 'ping', seq: 7, node: 'self', source });
    bench.packet({ kind: 'ping', seq: 8, node: '' });
    expect(bench.sent()).toEqual([
      { to: source, messages: expect.arrayContaining([{ kind: 'ack', seq: 7 }]), checksum: false },
      { to: at(99), messages: expect.arrayContaining([{ kind: 'ack', seq: 8 }]), checksum: false },
    ]);
  });

  it('to a ping for another name are none', () => {
    const bench = new Bench();
    bench.packet({ kind: 'ping', seq: 7, node: 'other', source });
    expect(bench.sent(bench.take())).toEqual([]);
  });

  it('to three pings in one packet are three', () => {
    const bench = new Bench();
    const ping = (seq: number) => ({ kind: 'ping', seq, node: 'self', source }) as const;
    bench.packet(ping(1), ping(2), ping(3));
    expect(bench.messages().filter(({ kind }) => kind === 'ack')).toHaveLength(3);
  });

  it('carry the news, the ack first', () => {
    const bench = new Bench();
    bench.packet(alive('a', 1));
    bench.packet({ kind: 'ping', seq: 1, node: 'self', source });
    expect(kinds(bench.messages())).toEqual(['ack', 'alive', 'alive']);
  });

  it('to a ping over TCP are an ack, or a closed stream for another name', () => {
    const bench = new Bench();
    const ping = { kind: 'ping', seq: 4, node: 'self', source } as const;
    expect(bench.give({ kind: 'streamPing', stream: 1, ping })).toEqual([
      { kind: 'answerPing', stream: 1, ack: { kind: 'ack', seq: 4 } },
    ]);
    expect(bench.give({ kind: 'streamPing', stream: 2, ping: { ...ping, node: 'x' } })).toEqual([
      { kind: 'closeStream', stream: 2 },
    ]);
  });
});

describe('relay', () => {
  const request = {
    kind: 'indirectPing',
    seq: 555,
    target: at(7),
    node: 'z',
    nack: true,
    source: { ...at(50), name: 'asker' },
  } as const;

  it('pings under its own number and passes the ack on', () => {
    const bench = new Bench({ probeIntervalMs: 1e9 });
    bench.packet(request);
    const [sent] = bench.sent();
    const [ping] = sent?.messages ?? [];
    expect(sent?.to).toEqual(at(7));
    expect(ping).toMatchObject({ kind: 'ping', node: 'z' });
    if (ping?.kind !== 'ping') throw new Error('no ping');
    expect(ping.seq).not.toBe(555);
    bench.packet({ kind: 'ack', seq: ping.seq, payload: Uint8Array.of(1) });
    expect(bench.sent()[0]).toMatchObject({
      to: request.source,
      messages: expect.arrayContaining([{ kind: 'ack', seq: 555 }]),
    });
    bench.pass(1_000);
    expect(kinds(bench.messages())).not.toContain('nack');
  });

  it('sends a nack at four fifths of the time-out, and still passes a late ack on', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, gossipIntervalMs: 1e9 });
    bench.packet(request);
    const ping = bench.messages().find(({ kind }) => kind === 'ping');
    bench.pass(399);
    expect(bench.sent()).toEqual([]);
    bench.pass(1);
    expect(bench.messages()).toContainEqual({ kind: 'nack', seq: 555 });
    if (ping?.kind === 'ping') bench.packet({ kind: 'ack', seq: ping.seq });
    expect(kinds(bench.messages())).toContain('ack');
  });

  it('sends no nack that was not asked for, and ends', () => {
    const bench = new Bench({ probeIntervalMs: 1e9, gossipIntervalMs: 1e9 });
    bench.packet({ ...request, nack: false });
    bench.take();
    bench.pass(1_000);
    expect(bench.sent()).toEqual([]);
  });

  it('takes our own port for a target without one', () => {
    const bench = new Bench({ bindPort: 1234 });
    bench.packet({ ...request, target: { addr: at(7).addr, port: 0 } });
    expect(bench.sent()[0]?.to).toEqual(at(7, 1234));
  });

  it('refuses more work than it can remember', () => {
    const bench = new Bench();
    for (let i = 0; i < 1_030; i++) bench.packet(request);
    expect(bench.drops()).toEqual(Array.from({ length: 6 }, () => 'relays-full'));
  });
});
