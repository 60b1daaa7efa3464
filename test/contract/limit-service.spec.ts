import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { MemoryPeerNetwork } from '../../src/cluster/memory-peer-network.js';
import type { Limit, LimitAlgorithm } from '../../src/governance/core/model.js';
import type { CheckCall } from '../../src/quota/core/calls.js';
import { checkCall, debitCall, limitRecord, LimitScene, SUBJECT } from '../support/limit-scene.js';
import { ManualClock } from '../support/manual-clock.js';
import { type ExactLimit, exactLimit, type ExactTake, ExactWindow } from './exact-limits.js';

/**
 * Whole calls through the services that decide them, against a reference that keeps every fact: it is never
 * denied what the reference admits, nor admitted what it denies, whatever became of the calls before.
 */
const SEED = Number(process.env['LIMITS_SEED'] ?? 20_260_805);
const RUNS = Number(process.env['LIMITS_RUNS'] ?? 60);

const STEPS = { minLength: 10, maxLength: 50, size: 'max' } as const;

const length = fc.constantFrom(1_000, 2_500, 7_000);
const window = length.map((durationMs) => ({ kind: 'duration', durationMs, anchorMs: 0 }) as const);
const algorithm: fc.Arbitrary<LimitAlgorithm> = fc.oneof(
  window.map((each) => ({ kind: 'sliding_window', window: each }) as const),
  window.map((each) => ({ kind: 'fixed_window', window: each }) as const),
  fc.record({
    kind: fc.constant('token_bucket' as const),
    refillAmount: fc.integer({ min: 1, max: 9 }),
    refillMs: fc.constantFrom(300, 1_000),
  }),
  fc.record({
    kind: fc.constant('concurrency' as const),
    holdMs: fc.constantFrom(1_500, 60_000),
  }),
);
const shape = fc.record({
  algorithm,
  unit: fc.constantFrom('requests' as const, 'tokens' as const, 'nano_usd' as const),
  maximum: fc.integer({ min: 1, max: 30 }),
  shadow: fc.constantFrom(false, false, false, true),
});
const ttlMs = fc.option(fc.integer({ min: 1_000, max: 5_000 }), { nil: undefined });
const which = fc.nat();
const step = fc.record({
  ms: fc.oneof(fc.nat(400), fc.integer({ min: -3_000, max: 3_000 })),
  act: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('check' as const),
        requests: fc.integer({ min: 1, max: 3 }),
        tokens: fc.option(fc.integer({ min: 1, max: 15 }), { nil: undefined }),
        nanos: fc.nat(12),
        isKept: fc.boolean(),
        ttlMs,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('settle' as const),
        which,
        tokens: fc.nat(25),
        nanos: fc.nat(25),
        isOther: fc.constantFrom(false, false, true),
      }),
    },
    fc.record({ kind: fc.constant('release' as const), which, refund: fc.boolean() }),
    fc.record({
      kind: fc.constant('extend' as const),
      which,
      ttlMs: fc.integer({ min: 1_000, max: 5_000 }),
    }),
    fc.record({ kind: fc.constant('again' as const), which }),
    fc.record({ kind: fc.constantFrom('resize' as const, 'renew' as const), which, shape }),
  ),
});
type Of<A> = A extends fc.Arbitrary<infer T> ? T : never;
type Act = Of<typeof step>['act'];
type Shape = Of<typeof shape>;

interface Kept {
  readonly id: string;
  readonly call: CheckCall;
  /** By the place of its limit. */
  readonly takes: readonly ExactTake[];
  expiresAt: number;
  state: 'held' | 'settled' | 'released';
}

interface Known {
  record: Limit;
  exact: ExactLimit;
}

/** The service and the reference, told the same. */
class Pair {
  readonly clock = new ManualClock('2026-08-05T10:00:00Z');
  readonly scene: LimitScene;
  readonly counts = { allowed: 0, denied: 0, corrected: 0, refused: 0 };
  private readonly limits: Known[] = [];
  private readonly kept: Kept[] = [];
  private latest = 0;
  private calls = 0;

  constructor(shapes: readonly Shape[]) {
    const transport = new MemoryPeerNetwork().transport();
    this.scene = new LimitScene(this.clock, { transport, replicas: () => [] });
    for (const [i, each] of shapes.entries()) {
      const record = limitRecord(`lim-${i}`, sane(each));
      this.limits.push({ record, exact: exactLimit(record) });
      this.scene.declare(record);
    }
  }

  async perform({ ms, act }: Of<typeof step>): Promise<void> {
    this.clock.advance(ms);
    this.latest = Math.max(this.latest, this.clock.wallNow());
    await this.compare();
    await this.act(act);
    await this.compare();
  }

  private async act(act: Act): Promise<void> {
    switch (act.kind) {
      case 'check':
        return this.check(act);
      case 'settle':
        return this.settle(act);
      case 'release':
        return this.release(act);
      case 'extend':
        return this.extend(act);
      case 'again':
        return this.again(act.which);
      case 'resize':
      case 'renew':
        return this.change(act);
    }
  }

  private async check(act: Extract<Act, { kind: 'check' }>): Promise<void> {
    const { requests, tokens, nanos, isKept } = act;
    const call = checkCall({
      requests,
      tokens,
      amountNanos: BigInt(nanos),
      reserveTtlMs: act.ttlMs,
      reservationKey: isKept ? `r${++this.calls}` : '',
      noHold: !isKept,
    });
    const costs = this.limits.map(({ record }) => costOf(record, act));
    const admits = this.limits.every(
      ({ record, exact }, i) => record.shadow || exact.admits(costs[i] ?? 1, this.latest),
    );
    const { decision, reservation } = await this.scene.checks.check(call);
    expect(decision.kind).toBe(admits ? 'allow' : 'deny');
    this.counts[admits ? 'allowed' : 'denied'] += 1;
    if (!admits) return;
    const takes = this.limits.map((known, i) => this.take(known, costs[i] ?? 0, act.ttlMs));
    const hasPlaces = this.limits.some(({ record }) => holdMsOf(record) > 0);
    expect(reservation !== undefined).toBe(isKept || hasPlaces);
    if (reservation === undefined) return;
    const longest = Math.max(60_000, ...this.limits.map(({ record }) => holdMsOf(record)));
    const expiresAt = this.clock.wallNow() + (act.ttlMs ?? longest);
    this.kept.push({ id: reservation.id, call, takes, expiresAt, state: 'held' });
  }

  private take({ record, exact }: Known, amount: number, ttl: number | undefined): ExactTake {
    const until = this.latest + (ttl ?? holdMsOf(record));
    const { generation } = record;
    const taken = { generation, at: this.latest, amount, until };
    exact.take(taken);
    return taken;
  }

  private async settle(act: Extract<Act, { kind: 'settle' }>): Promise<void> {
    const kept = this.pick(act.which);
    if (kept === undefined) return;
    const { tokens, nanos, isOther } = act;
    const call = debitCall(isOther ? `other ${kept.id}` : `settle ${kept.id}`, {
      reservation: { kind: 'id', id: kept.id },
      amountNanos: BigInt(nanos),
      tokens: { input: BigInt(tokens), cachedInput: 0n, output: 0n, reasoning: 0n },
    });
    if (kept.state === 'settled' || kept.state === 'released') {
      // The same key with another body, or another key: neither may change anything.
      const wanted =
        kept.state === 'released' || isOther ? 'FAILED_PRECONDITION' : 'ALREADY_EXISTS';
      return this.refuses(this.scene.debits.debit(call), wanted);
    }
    if (isOther) return;
    const late = this.clock.wallNow() >= kept.expiresAt;
    const first = await this.scene.debits.debit(call);
    expect(first).toMatchObject({ late, replayed: false });
    kept.state = 'settled';
    this.correct(kept, (unit) => (unit === 'tokens' ? tokens || undefined : nanos));
    expect(await this.scene.debits.debit(call)).toMatchObject({ replayed: true });
  }

  private async release({ which: at, refund }: Extract<Act, { kind: 'release' }>): Promise<void> {
    const kept = this.pick(at);
    if (kept === undefined) return;
    const released = this.scene.reservations.release({ ...nameOf(kept), refund });
    if (kept.state !== 'released' && !this.isHeld(kept))
      return this.refuses(released, 'FAILED_PRECONDITION');
    expect(await released).toMatchObject({ replayed: kept.state === 'released' });
    if (kept.state === 'released') return;
    kept.state = 'released';
    this.correct(kept, () => 0, refund);
  }

  private async extend({ which: at, ttlMs: ms }: Extract<Act, { kind: 'extend' }>): Promise<void> {
    const kept = this.pick(at);
    if (kept === undefined) return;
    const call = { ...nameOf(kept), reserveTtlMs: ms, addNanos: 0n };
    const extended = this.scene.reservations.extend(call);
    if (!this.isHeld(kept)) return this.refuses(extended, 'FAILED_PRECONDITION');
    await extended;
    const until = this.clock.wallNow() + ms;
    if (until <= kept.expiresAt) return;
    kept.expiresAt = until;
    for (const taken of kept.takes) if (taken.until > this.latest) taken.until = this.latest + ms;
  }

  /** The answer was lost, and the caller asks again. */
  private async again(at: number): Promise<void> {
    const kept = this.pick(at);
    if (kept === undefined || kept.call.reservationKey === '') return;
    const { decision, reservation, isReplayed } = await this.scene.checks.check(kept.call);
    expect({ kind: decision.kind, id: reservation?.id, isReplayed }).toEqual({
      kind: 'allow',
      id: kept.id,
      isReplayed: true,
    });
  }

  private change({
    kind,
    which: at,
    shape: next,
  }: Extract<Act, { kind: 'resize' | 'renew' }>): void {
    const known = this.limits[at % this.limits.length];
    if (known === undefined) return;
    const { record } = known;
    const isBucket = record.algorithm.kind === 'token_bucket';
    const maximum = isBucket ? record.maximum : next.maximum;
    const { shadow } = next;
    known.record =
      kind === 'resize'
        ? { ...record, maximum, shadow }
        : { ...record, ...sane(next), generation: record.generation + 1 };
    if (kind === 'resize') known.exact.resize(maximum);
    else known.exact = exactLimit(known.record);
    this.scene.declare(known.record);
  }

  private correct(
    { takes }: Kept,
    used: (unit: Limit['unit']) => number | undefined,
    refund = false,
  ): void {
    this.counts.corrected += 1;
    this.limits.forEach(({ record, exact }, i) => {
      const taken = takes[i];
      if (taken?.generation !== record.generation) return;
      if (holdMsOf(record) > 0) return exact.correct(taken, 0, this.latest);
      if (record.unit === 'requests') return refund && exact.correct(taken, 0, this.latest);
      const actual = used(record.unit);
      if (actual === undefined) return undefined;
      if (taken.amount > 0) return exact.correct(taken, actual, this.latest);
      return exact.take({ ...taken, amount: actual, at: this.latest });
    });
  }

  /** What every limit has left, and what it says to a small call. */
  private async compare(): Promise<void> {
    const look = checkCall({ dryRun: true, noHold: true, tokens: 1, amountNanos: 1n });
    const { decision } = await this.scene.checks.check(look);
    const found = new Map(
      decision.verdicts.flatMap((each) =>
        each.kind === 'limit' ? [[each.policy.policyId, each] as const] : [],
      ),
    );
    for (const { record, exact } of this.limits) {
      const verdict = found.get(record.id);
      const counted = exact.counted(this.latest);
      expect({
        limit: record,
        remaining: verdict?.remaining,
        admits: verdict?.refusal === undefined,
      }).toEqual({
        limit: record,
        remaining: Math.max(0, record.maximum - counted),
        admits: exact.admits(1, this.latest),
      });
      expectNearLog(exact, counted, this.latest);
    }
  }

  private async refuses(call: Promise<unknown>, code: string): Promise<void> {
    this.counts.refused += 1;
    await expect(call).rejects.toMatchObject({ code });
  }

  private isHeld({ state, expiresAt }: Kept): boolean {
    return state === 'held' && this.clock.wallNow() < expiresAt;
  }

  private pick(at: number): Kept | undefined {
    return this.kept[at % Math.max(1, this.kept.length)];
  }
}

/** Places are counted in requests. */
const sane = ({ unit, ...rest }: Shape): Shape => ({
  ...rest,
  unit: rest.algorithm.kind === 'concurrency' ? 'requests' : unit,
});

const nameOf = ({ id }: Kept) => ({ subject: SUBJECT, reservation: { kind: 'id', id } as const });

const holdMsOf = ({ algorithm: each }: Limit): number =>
  each.kind === 'concurrency' ? each.holdMs : 0;

/** Undefined: not known. */
function costOf(
  { unit, algorithm: { kind } }: Limit,
  { requests, tokens, nanos }: Extract<Act, { kind: 'check' }>,
): number | undefined {
  if (unit === 'tokens') return tokens;
  if (unit === 'nano_usd') return nanos === 0 ? undefined : nanos;
  return kind === 'concurrency' ? Math.min(requests, 1) : requests;
}

function expectNearLog(exact: ExactLimit, counted: number, at: number): void {
  const log = exact instanceof ExactWindow ? exact.logged(at) : undefined;
  if (log !== undefined) expect(Math.abs(counted - log.inLog)).toBeLessThanOrEqual(log.errorMax);
}

const totals = { allowed: 0, denied: 0, corrected: 0, refused: 0 };

it('limits of every kind admit what an exact reference admits, and nothing else', async () => {
  const shapes = fc.array(shape, { minLength: 1, maxLength: 4, size: 'max' });
  await fc.assert(
    fc.asyncProperty(shapes, fc.array(step, STEPS), async (declared, steps) => {
      const pair = new Pair(declared);
      await pair.scene.start();
      try {
        for (const each of steps) await pair.perform(each);
      } finally {
        await pair.scene.stop();
      }
      for (const name of ['allowed', 'denied', 'corrected', 'refused'] as const)
        totals[name] += pair.counts[name];
    }),
    { seed: SEED, numRuns: RUNS },
  );
  // A run in which nothing happens proves nothing.
  for (const count of Object.values(totals)) expect(count).toBeGreaterThan(RUNS);
}, 300_000);
