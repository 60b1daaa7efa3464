import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { AllowedNetworks } from '../../common/allowed-networks.js';
import { SeededRandom } from '../../common/seeded-random.js';
import { monoMs } from '../../common/time.js';
import type { Proposal } from './address-filter.js';
import { JOIN_BACKOFF, JOINS_AT_ONCE_MAX } from './join-queue.js';
import { LOOK_INTERVAL_MS, PeerSet, type PeerSetEffect } from './peer-set.js';
import { PROPOSALS_MAX } from './source-book.js';

const NOBODY: ReadonlySet<string> = new Set();

const peer = (host: string, port = 7946): Proposal => ({ host, port, origin: 'test' });
const make = (cidrs: readonly string[] = []) =>
  new PeerSet(new AllowedNetworks(cidrs), new SeededRandom(1));
const kinds = (effects: readonly PeerSetEffect[]) => effects.map((effect) => effect.kind);
const joins = (effects: readonly PeerSetEffect[]) =>
  effects.flatMap((effect) => (effect.kind === 'join' ? [effect.key] : []));

describe('PeerSet', () => {
  it('calls whoever appears at once, and nobody twice at a time', () => {
    const set = make();
    const found = { kind: 'found', source: 'dns', peers: [peer('10.0.0.1')] } as const;
    expect(kinds(set.handle(found, monoMs(0)))).toEqual(['appeared', 'join']);
    expect(set.handle(found, monoMs(1))).toEqual([]);
    expect(set.handle({ kind: 'tick', live: NOBODY }, monoMs(60_000))).toEqual([]);
  });

  it('calls again while nobody is up there, and not while somebody is', () => {
    const set = make();
    set.handle({ kind: 'found', source: 'dns', peers: [peer('10.0.0.1')] }, monoMs(0));
    set.handle({ kind: 'joinEnded', key: '10.0.0.1:7946', error: 'refused' }, monoMs(5));
    const later = monoMs(5 + JOIN_BACKOFF.firstMs);
    const live = new Set(['10.0.0.1:7946']);
    expect(set.handle({ kind: 'tick', live }, later)).toEqual([]);
    expect(joins(set.handle({ kind: 'tick', live: NOBODY }, later))).toEqual(['10.0.0.1:7946']);
  });

  it('keeps the answer of a source that fails, with its age, and says so once', () => {
    const set = make();
    set.handle({ kind: 'found', source: 'dns', peers: [peer('10.0.0.1')] }, monoMs(1_000));
    const failed = { kind: 'failed', source: 'dns', fault: 'SERVFAIL' } as const;
    expect(kinds(set.handle(failed, monoMs(2_000)))).toEqual(['sourceFails']);
    expect(set.handle(failed, monoMs(3_000))).toEqual([]);
    expect(set.proposals().map(({ key }) => key)).toEqual(['10.0.0.1:7946']);
    expect(set.sources(monoMs(4_000))).toEqual([
      {
        source: 'dns',
        state: 'failing',
        answerAgeMs: 3_000,
        fault: 'SERVFAIL',
        proposed: 1,
        refused: 0,
        dropped: 0,
      },
    ]);
  });

  it('tells once that a source is back, and nothing of answers in part', () => {
    const set = make();
    const found = { kind: 'found', source: 'dns', peers: [peer('10.0.0.1')] } as const;
    const failed = { kind: 'failed', source: 'dns', fault: 'b. does not exist' } as const;
    const tick = { kind: 'tick', live: new Set(['10.0.0.1:7946']) } as const;
    set.handle(found, monoMs(0));
    expect(kinds(set.handle(failed, monoMs(0)))).toEqual(['sourceFails']);
    for (let now = 1; now < 10; now++) {
      const told = [found, failed, tick].flatMap((input) => set.handle(input, monoMs(now)));
      expect(told).toEqual([]);
    }
    set.handle(found, monoMs(10));
    expect(kinds(set.handle(tick, monoMs(10)))).toEqual(['sourceAnswers']);
    expect(set.handle(tick, monoMs(11))).toEqual([]);
  });

  it('loses an address only when no source proposes it any more', () => {
    const set = make();
    set.handle({ kind: 'found', source: 'dns', peers: [peer('10.0.0.1')] }, monoMs(0));
    set.handle({ kind: 'found', source: 'static', peers: [peer('10.0.0.1')] }, monoMs(0));
    expect(set.handle({ kind: 'found', source: 'dns', peers: [] }, monoMs(1))).toEqual([]);
    const lost = set.handle({ kind: 'found', source: 'static', peers: [] }, monoMs(2));
    expect(lost).toEqual([{ kind: 'lost', key: '10.0.0.1:7946' }]);
  });

  it('takes one address in all its spellings for one', () => {
    const set = make();
    const peers = [peer('10.0.0.1'), peer('::ffff:10.0.0.1'), peer('fd00::1'), peer('fd00:0::1')];
    set.handle({ kind: 'found', source: 'dns', peers }, monoMs(0));
    expect(set.proposals().map(({ key }) => key)).toEqual(['10.0.0.1:7946', '[fd00::1]:7946']);
  });

  it.each([
    ['weir-0.example', 7946, 'notAnAddress'],
    ['', 7946, 'notAnAddress'],
    ['10.0.0.1', 0, 'badPort'],
    ['10.0.0.1', 65_536, 'badPort'],
    ['10.0.0.1', 1.5, 'badPort'],
    ['10.0.0.1', Number.NaN, 'badPort'],
    ['0.0.0.0', 7946, 'notOneHost'],
    ['::', 7946, 'notOneHost'],
    ['224.0.0.251', 7946, 'notOneHost'],
    ['255.255.255.255', 7946, 'notOneHost'],
    ['ff02::fb', 7946, 'notOneHost'],
    ['fe80::1', 7946, 'linkLocal'],
    ['192.0.2.1', 7946, 'outsideSpace'],
    ['::ffff:192.0.2.1', 7946, 'outsideSpace'],
  ])('refuses %p port %p as %s, and tells it once', (host, port, reason) => {
    const set = make(['10.0.0.0/8', 'fd00::/8']);
    const found = { kind: 'found', source: 'dns', peers: [peer(host, port)] } as const;
    const effects = set.handle(found, monoMs(0));
    expect(effects).toEqual([{ kind: 'refused', key: expect.any(String), reason }]);
    expect(set.handle(found, monoMs(1))).toEqual([]);
    expect(set.counts(monoMs(1))).toMatchObject({ proposed: 0, refused: 1, refusedTotal: 2 });
  });

  it('takes so many addresses of one source and no more, and calls few at a time', () => {
    const set = make();
    const peers = Array.from({ length: 10_000 }, (_, i) => peer(`10.1.${i >> 8}.${i & 0xff}`));
    const effects = set.handle({ kind: 'found', source: 'dns', peers }, monoMs(0));
    expect(set.counts(monoMs(0)).proposed).toBe(PROPOSALS_MAX);
    expect(joins(effects)).toHaveLength(JOINS_AT_ONCE_MAX);
    const dropped = { kind: 'dropped', source: 'dns', count: 10_000 - PROPOSALS_MAX };
    expect(effects).toContainEqual(dropped);
    expect(kinds(set.handle({ kind: 'found', source: 'dns', peers }, monoMs(1)))).toEqual([]);
  });
});

/** What may come, in any order; a number stands for one of 40 addresses, half of them outside. */
const noise = fc.oneof(
  fc.record({
    kind: fc.constant('found' as const),
    source: fc.constantFrom('dns', 'etcd'),
    hosts: fc.uniqueArray(fc.integer({ min: 0, max: 39 })),
  }),
  fc.record({ kind: fc.constant('failed' as const), source: fc.constantFrom('dns', 'etcd', 'a') }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
);

const TARGET = '10.0.9.9:7946';
const hostOf = (n: number) => (n < 20 ? `10.0.0.${n + 1}` : `192.0.2.${n}`);
/** A dead address may hold a call this long. */
const CALL_MS = 10_000;

/** Drives the machine as its driver would; calls to all but the target time out. */
class Scene {
  now = 0;
  joinedAt: number | undefined;
  readonly called = new Set<string>();
  private readonly set: PeerSet;
  private readonly ends: { readonly key: string; readonly at: number }[] = [];

  constructor(
    seed: number,
    private readonly targetUpAt: number,
  ) {
    this.set = new PeerSet(new AllowedNetworks(['10.0.0.0/8']), new SeededRandom(seed));
  }

  propose(source: string, peers: readonly Proposal[]): void {
    this.perform(this.set.handle({ kind: 'found', source, peers }, monoMs(this.now)));
  }

  fail(source: string): void {
    this.perform(this.set.handle({ kind: 'failed', source, fault: 'away' }, monoMs(this.now)));
  }

  pass(ms: number): void {
    const end = this.now + ms;
    while (this.now < end && this.joinedAt === undefined) {
      const next = Math.min(...this.ends.map(({ at }) => at), this.set.nextDeadline(), end);
      this.now = Math.max(this.now, next);
      for (const { key } of this.ends.splice(0).filter((call) => this.isOver(call))) {
        this.perform(this.set.handle({ kind: 'joinEnded', key, error: 'x' }, monoMs(this.now)));
      }
      this.perform(this.set.handle({ kind: 'tick', live: NOBODY }, monoMs(this.now)));
    }
  }

  private isOver(call: { readonly key: string; readonly at: number }): boolean {
    if (call.at > this.now) this.ends.push(call);
    return call.at <= this.now;
  }

  private perform(effects: readonly PeerSetEffect[]): void {
    for (const key of joins(effects)) {
      this.called.add(key);
      const isTarget = key === TARGET;
      if (isTarget && this.now >= this.targetUpAt) this.joinedAt ??= this.now;
      this.ends.push({ key, at: this.now + (isTarget ? 1 : CALL_MS) });
    }
  }
}

describe('PeerSet, whatever order of proposals, losses and failures', () => {
  it('never calls an address outside the space, and joins one that stays proposed in time', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.nat(120_000),
        fc.array(noise, { maxLength: 60 }),
        (seed, targetUpAt, steps) => {
          const scene = new Scene(seed, targetUpAt);
          const target = peer('10.0.9.9');
          scene.propose('static', [target]);
          for (const step of steps) {
            if (step.kind === 'pass') scene.pass(step.ms);
            else if (step.kind === 'failed') scene.fail(step.source);
            else
              scene.propose(
                step.source,
                step.hosts.map((n) => peer(hostOf(n))),
              );
          }
          const queued = Math.ceil(21 / JOINS_AT_ONCE_MAX) * CALL_MS;
          const boundMs = JOIN_BACKOFF.maxMs + queued + CALL_MS + 2 * LOOK_INTERVAL_MS;
          scene.pass(Math.max(0, targetUpAt - scene.now) + boundMs);
          expect(scene.joinedAt).toBeLessThanOrEqual(Math.max(targetUpAt, 0) + boundMs);
          expect([...scene.called].filter((key) => !key.startsWith('10.'))).toEqual([]);
        },
      ),
      { numRuns: 100 },
    );
  });
});
