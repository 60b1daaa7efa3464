import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CheckLimitRequest } from '../../src/gen/weir/v1/quota_service.js';
import { Decision, DenyReason } from '../../src/gen/weir/v1/quota_service.js';
import {
  checkOf,
  debitOf,
  declareBudget,
  declareKey,
  declareLimit,
  match,
  ofKey,
  priceOf,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

const USD = 1_000_000_000n;
const cents = (count: bigint): bigint => (count * USD) / 100n;

let database: TestDatabase;
let replica: Replica;
let other: Replica;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url);
  other = await startReplica(database.url);
});

afterAll(async () => {
  await replica?.stop();
  await other?.stop();
  await database?.drop();
});

const allow = { decision: Decision.DECISION_ALLOW };
const deny = (reason: DenyReason) => ({ decision: Decision.DECISION_DENY, reason });

const hold = (keyId: string, reservationKey: string, amountNanos: bigint, over = {}) =>
  checkOf(keyId, { reservationKey, amountNanos, ...over });

const settle = (keyId: string, reservationKey: string, amountNanos: bigint, over = {}) =>
  debitOf(keyId, `settle ${reservationKey}`, {
    amountNanos,
    reservation: { $case: 'reservationKey', value: reservationKey },
    ...over,
  });

const release = (keyId: string, reservationKey: string, refund = false) => ({
  subject: { $case: 'virtualKeyId' as const, value: keyId },
  reservation: { $case: 'reservationKey' as const, value: reservationKey },
  refund,
});

const extend = (keyId: string, reservationKey: string, seconds: bigint, addNanos = 0n) => ({
  subject: { $case: 'virtualKeyId' as const, value: keyId },
  reservation: { $case: 'reservationKey' as const, value: reservationKey },
  reserveTtl: { seconds, nanos: 0 },
  addNanos,
});

/** A key with one budget of its own; answers how the budget stands. */
async function keyWithBudget(name: string, amountNanos: bigint) {
  const { keyId } = await declareKey(replica, name);
  const budget = await declareBudget(replica, { owner: ofKey(keyId), amountNanos });
  const stands = async () => {
    const { statuses } = await replica.quota.getUsage({
      subject: { $case: 'virtualKeyId', value: keyId },
      interval: undefined,
      group: {},
    });
    const found = statuses.find(({ policyId }) => policyId === budget.id);
    return { remaining: found?.remaining, held: found?.held };
  };
  await eventually('the other replica knows the budget', async () => {
    const { statuses } = await other.quota.getUsage({
      subject: { $case: 'virtualKeyId', value: keyId },
      interval: undefined,
      group: {},
    });
    return statuses.some(({ policyId }) => policyId === budget.id);
  });
  return { keyId, budget, stands };
}

describe('a check that holds', () => {
  it('sets its estimate aside until it is settled', async () => {
    const { keyId, stands } = await keyWithBudget('hold', cents(100n));
    const answer = await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    expect(answer).toMatchObject({ ...allow, replayed: false });
    expect(answer.reservationId).toMatch(/^res_/);
    expect(await stands()).toEqual({ remaining: cents(60n), held: cents(40n) });
    const settled = await replica.quota.debitBudget(settle(keyId, 'a', cents(25n)));
    expect(settled).toMatchObject({ late: false, overageNanos: 0n });
    expect(await stands()).toEqual({ remaining: cents(75n), held: 0n });
  });

  // Semantics, example 4.
  it('is told apart from a spent budget if only calls in flight are in the way', async () => {
    const { keyId, budget } = await keyWithBudget('flight', cents(100n));
    await replica.quota.debitBudget(debitOf(keyId, 'spent', { amountNanos: cents(70n) }));
    const anHour = { reserveTtl: { seconds: 3_600n, nanos: 0 } };
    await replica.quota.checkLimit(hold(keyId, 'a', cents(20n), anHour));
    const denied = await replica.quota.checkLimit(hold(keyId, 'b', cents(20n)));
    expect(denied).toMatchObject({
      ...deny(DenyReason.DENY_REASON_HELD_BY_OTHERS),
      bindingPolicyId: budget.id,
      affordableNanos: cents(10n),
    });
    const seconds = Number(denied.retryAfter?.seconds);
    expect(seconds).toBeGreaterThan(3_000);
    expect(seconds).toBeLessThanOrEqual(3_600);
    await replica.quota.debitBudget(settle(keyId, 'a', cents(5n)));
    expect(await replica.quota.checkLimit(hold(keyId, 'b', cents(20n)))).toMatchObject(allow);
  });

  // Semantics, example 5.
  it('may cost more than was held, and the next one is denied', async () => {
    const { keyId, stands } = await keyWithBudget('overage', cents(100n));
    await replica.quota.debitBudget(debitOf(keyId, 'spent', { amountNanos: cents(95n) }));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(5n)));
    const settled = await replica.quota.debitBudget(settle(keyId, 'a', cents(30n)));
    expect(settled.overageNanos).toBe(cents(25n));
    expect(await stands()).toEqual({ remaining: -cents(25n), held: 0n });
    expect(await replica.quota.checkLimit(hold(keyId, 'b', 1n))).toMatchObject(
      deny(DenyReason.DENY_REASON_BUDGET_EXHAUSTED),
    );
  });

  // Semantics, example 8.
  it('is counted once, whoever repeats it', async () => {
    const { keyId, stands } = await keyWithBudget('repeat', cents(100n));
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 5n });
    const first = await replica.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    const again = await replica.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    expect(again).toMatchObject({ ...allow, replayed: true, reservationId: first.reservationId });
    const elsewhere = await other.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    expect(elsewhere).toMatchObject({ replayed: true, reservationId: first.reservationId });
    expect(await stands()).toEqual({ remaining: cents(90n), held: cents(10n) });
    const peek = await replica.quota.checkLimit(checkOf(keyId, { requests: 0n }));
    expect(peek.statuses.find(({ limit }) => limit === 5n)?.remaining).toBe(4n);
  });

  it('is repeated even when its limit is used up by then', async () => {
    const { keyId } = await keyWithBudget('repeat-full', cents(100n));
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 1n });
    const first = await replica.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    const again = await replica.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    expect(again).toMatchObject({ ...allow, replayed: true, reservationId: first.reservationId });
    expect(await replica.quota.checkLimit(hold(keyId, 'b', cents(10n)))).toMatchObject(
      deny(DenyReason.DENY_REASON_RATE_LIMITED),
    );
  });

  it('refuses another body under a used key', async () => {
    const { keyId } = await keyWithBudget('other-body', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(10n)));
    const refused = await failure(replica.quota.checkLimit(hold(keyId, 'a', cents(11n))));
    expect(refused.code).toBe(status.ALREADY_EXISTS);
    expect(refused.details.violations[0]?.field).toBe('reservation_key');
  });

  it('demands a key where a budget matches', async () => {
    const { keyId } = await keyWithBudget('keyless', cents(100n));
    const bare = checkOf(keyId, { noHold: false });
    const refused = await failure(replica.quota.checkLimit(bare));
    expect(refused.code).toBe(status.INVALID_ARGUMENT);
    expect(refused.message).toContain('reservation_key');
    expect(await replica.quota.checkLimit({ ...bare, noHold: true })).toMatchObject(allow);
  });

  it('is refused for ever if it is larger than the budget', async () => {
    const { keyId } = await keyWithBudget('large', cents(100n));
    const denied = await replica.quota.checkLimit(hold(keyId, 'a', cents(101n)));
    expect(denied).toMatchObject(deny(DenyReason.DENY_REASON_TOO_LARGE));
    expect(denied.retryAfter).toBeUndefined();
    expect(denied.affordableNanos).toBe(cents(100n));
  });

  it('leaves no trace in limits and other budgets if one budget denies', async () => {
    const { keyId, stands } = await keyWithBudget('traceless', cents(100n));
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: cents(10n), name: 'small' });
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 5n });
    expect((await replica.quota.checkLimit(hold(keyId, 'a', cents(20n)))).decision).toBe(
      Decision.DECISION_DENY,
    );
    expect(await stands()).toEqual({ remaining: cents(100n), held: 0n });
    const peek = await replica.quota.checkLimit(checkOf(keyId, { requests: 0n }));
    expect(peek.statuses.find(({ limit }) => limit === 5n)?.remaining).toBe(5n);
  });

  it('estimates from tokens and the price, and denies what has none', async () => {
    const { keyId, stands } = await keyWithBudget('estimate', cents(100n));
    await replica.governance.createPrice({
      price: priceOf({ provider: 'p', model: 'm', inputPicoUsdPerToken: 1_000_000n }),
    });
    const tokens = { provider: 'p', model: 'm', inputTokens: 1_000n, maxOutputTokens: 500n };
    await replica.quota.checkLimit(hold(keyId, 'a', 0n, tokens));
    // 1,000 tokens at 1 micro-USD and 500 at 10.
    expect((await stands()).held).toBe(6_000_000n);
    const unknown = { ...tokens, model: 'nowhere' };
    expect(await replica.quota.checkLimit(hold(keyId, 'b', 0n, unknown))).toMatchObject(
      deny(DenyReason.DENY_REASON_UNPRICED),
    );
  });

  it.each([1, 2])('admits exactly 50 of 200 at once, through %i replicas', async (replicas) => {
    const { keyId, stands } = await keyWithBudget(`crowd-${replicas}`, cents(50n));
    const through = [replica, other].slice(0, replicas);
    const checks = Array.from({ length: 200 }, (_, i) => {
      const { quota } = through[i % through.length] ?? replica;
      return quota.checkLimit(hold(keyId, `call ${i}`, cents(1n)));
    });
    const answers = await Promise.all(checks);
    const allowed = answers.filter(({ decision }) => decision === Decision.DECISION_ALLOW);
    expect(allowed).toHaveLength(50);
    expect(await stands()).toEqual({ remaining: 0n, held: cents(50n) });
  });

  it('makes one reservation for 50 callers with one key, through two replicas', async () => {
    const { keyId, stands } = await keyWithBudget('one-key', cents(100n));
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        (i % 2 === 0 ? replica : other).quota.checkLimit(hold(keyId, 'same', cents(7n))),
      ),
    );
    expect(new Set(answers.map(({ reservationId }) => reservationId)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect((await stands()).held).toBe(cents(7n));
  });
});

describe('a settle', () => {
  it('can come to another replica than the hold', async () => {
    const { keyId, stands } = await keyWithBudget('elsewhere', cents(100n));
    const { reservationId } = await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    await other.quota.debitBudget(
      settle(keyId, 'a', cents(10n), {
        reservation: { $case: 'reservationId', value: reservationId },
      }),
    );
    expect(await stands()).toEqual({ remaining: cents(90n), held: 0n });
  });

  it('of nothing frees everything', async () => {
    const { keyId, stands } = await keyWithBudget('nothing', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    await replica.quota.debitBudget(settle(keyId, 'a', 0n));
    expect(await stands()).toEqual({ remaining: cents(100n), held: 0n });
  });

  it('twice is one settle with the same key, and refused with another', async () => {
    const { keyId, stands } = await keyWithBudget('settle-twice', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    await replica.quota.debitBudget(settle(keyId, 'a', cents(10n)));
    expect((await replica.quota.debitBudget(settle(keyId, 'a', cents(10n)))).replayed).toBe(true);
    const again = settle(keyId, 'a', cents(10n), { idempotencyKey: 'another' });
    const refused = await failure(replica.quota.debitBudget(again));
    expect(refused.code).toBe(status.FAILED_PRECONDITION);
    expect(refused.message).toContain('settled already');
    expect(await stands()).toEqual({ remaining: cents(90n), held: 0n });
  });

  it('after a release is refused', async () => {
    const { keyId } = await keyWithBudget('settle-released', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    await replica.quota.releaseReservation(release(keyId, 'a'));
    const refused = await failure(replica.quota.debitBudget(settle(keyId, 'a', 1n)));
    expect(refused.code).toBe(status.FAILED_PRECONDITION);
    expect(refused.message).toContain('released already');
  });

  // Semantics, example 7, the last sentence.
  it('after the hold has ended is recorded, and marked late', async () => {
    const { keyId, stands } = await keyWithBudget('late', cents(100n));
    const short = { reserveTtl: { seconds: 1n, nanos: 0 } };
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n), short));
    await eventually('the hold has ended', async () => (await stands()).held === 0n);
    expect((await stands()).remaining).toBe(cents(100n));
    const settled = await replica.quota.debitBudget(settle(keyId, 'a', cents(25n)));
    expect(settled).toMatchObject({ late: true, amountNanos: cents(25n) });
    expect(await stands()).toEqual({ remaining: cents(75n), held: 0n });
  });

  it('with another model posts to the budgets of that model', async () => {
    const { keyId } = await declareKey(replica, 'fallback');
    const budgetOf = (model: string) =>
      declareBudget(replica, {
        owner: ofKey(keyId),
        name: model,
        amountNanos: cents(100n),
        match: match({ models: [model] }),
      });
    await budgetOf('large');
    await budgetOf('small');
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n), { model: 'large' }));
    await replica.quota.debitBudget(settle(keyId, 'a', cents(3n), { model: 'small' }));
    const { statuses } = await replica.quota.getUsage({
      subject: { $case: 'virtualKeyId', value: keyId },
      interval: undefined,
      group: {},
    });
    const seen = new Map(statuses.map((each) => [each.policyName, [each.remaining, each.held]]));
    expect(seen.get('large')).toEqual([cents(100n), 0n]);
    expect(seen.get('small')).toEqual([cents(97n), 0n]);
  });

  it('knows no reservation of another key', async () => {
    const { keyId } = await keyWithBudget('mine', cents(100n));
    const { keyId: stranger } = await keyWithBudget('stranger', cents(100n));
    const { reservationId } = await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    const reservation = { $case: 'reservationId' as const, value: reservationId };
    const refused = await failure(
      replica.quota.debitBudget(settle(stranger, 'a', 1n, { reservation })),
    );
    expect(refused.code).toBe(status.NOT_FOUND);
    const released = replica.quota.releaseReservation({ ...release(stranger, 'a'), reservation });
    expect((await failure(released)).code).toBe(status.NOT_FOUND);
  });
});

describe('a release', () => {
  it('frees what was held, once, and is answered the same when it is repeated', async () => {
    const { keyId, stands } = await keyWithBudget('release', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    const first = await replica.quota.releaseReservation(release(keyId, 'a'));
    expect(first).toMatchObject({ amountNanos: cents(40n), replayed: false });
    const again = await other.quota.releaseReservation(release(keyId, 'a'));
    expect(again).toMatchObject({ reservationId: first.reservationId, replayed: true });
    expect(await stands()).toEqual({ remaining: cents(100n), held: 0n });
  });

  it('keeps the call in limits of requests, unless it refunds', async () => {
    const { keyId } = await keyWithBudget('refund', cents(100n));
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 5n });
    const left = async () => {
      const peek = await replica.quota.checkLimit(checkOf(keyId, { requests: 0n }));
      return peek.statuses.find(({ limit }) => limit === 5n)?.remaining;
    };
    await replica.quota.checkLimit(hold(keyId, 'a', cents(1n)));
    await replica.quota.releaseReservation(release(keyId, 'a'));
    expect(await left()).toBe(4n);
    await replica.quota.checkLimit(hold(keyId, 'b', cents(1n), { requests: 2n }));
    expect(await left()).toBe(2n);
    await replica.quota.releaseReservation(release(keyId, 'b', true));
    expect(await left()).toBe(4n);
  });

  it('of what was settled is refused', async () => {
    const { keyId } = await keyWithBudget('release-settled', cents(100n));
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    await replica.quota.debitBudget(settle(keyId, 'a', cents(10n)));
    const refused = await failure(replica.quota.releaseReservation(release(keyId, 'a')));
    expect(refused.code).toBe(status.FAILED_PRECONDITION);
  });
});

describe('an extension', () => {
  it('gives more time, and more money if that fits', async () => {
    const { keyId, stands } = await keyWithBudget('extend', cents(100n));
    const first = await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    const longer = await replica.quota.extendReservation(extend(keyId, 'a', 600n, cents(50n)));
    expect(longer).toMatchObject({ ...allow, amountNanos: cents(90n) });
    const expiry = (at: { seconds: bigint } | undefined) => at?.seconds ?? 0n;
    expect(expiry(longer.reservationExpiresAt)).toBeGreaterThan(
      expiry(first.reservationExpiresAt) + 500n,
    );
    const denied = await replica.quota.extendReservation(extend(keyId, 'a', 600n, cents(20n)));
    expect(denied).toMatchObject({ decision: Decision.DECISION_DENY, amountNanos: cents(90n) });
    expect(await stands()).toEqual({ remaining: cents(10n), held: cents(90n) });
  });

  it('of a hold that has ended is refused', async () => {
    const { keyId, stands } = await keyWithBudget('extend-ended', cents(100n));
    const short = { reserveTtl: { seconds: 1n, nanos: 0 } };
    await replica.quota.checkLimit(hold(keyId, 'a', cents(40n), short));
    await eventually('the hold has ended', async () => (await stands()).held === 0n);
    const refused = await failure(replica.quota.extendReservation(extend(keyId, 'a', 60n)));
    expect(refused.code).toBe(status.FAILED_PRECONDITION);
  });

  it('never shortens a hold', async () => {
    const { keyId } = await keyWithBudget('extend-short', cents(100n));
    const first = await replica.quota.checkLimit(hold(keyId, 'a', cents(40n)));
    const after = await replica.quota.extendReservation(extend(keyId, 'a', 1n));
    expect(after.reservationExpiresAt).toEqual(first.reservationExpiresAt);
  });

  it('names what is missing', async () => {
    const nothing = {
      subject: { $case: 'virtualKeyId' as const, value: 'x' },
      reservation: undefined,
      reserveTtl: undefined,
      addNanos: -1n,
    };
    const refused = await failure(replica.quota.extendReservation(nothing));
    expect(refused.details.violations.map(({ field }) => field)).toEqual([
      'reservation',
      'add_nanos',
      'reserve_ttl',
    ]);
  });
});

it('decides a batch of holds in order', async () => {
  const { keyId } = await keyWithBudget('batch', cents(10n));
  const checks: CheckLimitRequest[] = ['a', 'b', 'a', 'c'].map((key) =>
    hold(keyId, key, cents(5n)),
  );
  const { results } = await replica.quota.batchCheckLimit({ checks });
  const seen = results.map(({ result }) =>
    result?.$case === 'response' ? [result.value.reason, result.value.replayed] : undefined,
  );
  expect(seen).toEqual([
    [DenyReason.DENY_REASON_UNSPECIFIED, false],
    [DenyReason.DENY_REASON_UNSPECIFIED, false],
    [DenyReason.DENY_REASON_UNSPECIFIED, true],
    [DenyReason.DENY_REASON_HELD_BY_OTHERS, false],
  ]);
});
