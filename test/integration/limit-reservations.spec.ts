import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unit } from '../../src/gen/weir/v1/common.js';
import { Algorithm, Fallback, type Limit } from '../../src/gen/weir/v1/governance_service.js';
import { ReservationState } from '../../src/gen/weir/v1/ledger_service.js';
import {
  type CheckLimitRequest,
  type DebitBudgetRequest,
  Decision,
} from '../../src/gen/weir/v1/quota_service.js';
import {
  checkOf,
  debitOf,
  declareBudget,
  declareKey,
  declareLimit,
  LONG_WINDOW,
  ofKey,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

/** What limits took for a call, through restarts, beside budgets, and when there is no room. */
let database: TestDatabase;
let replica: Replica;

const SETTINGS = { 'counters.liveMax': 1_000, 'counters.reservationsMax': 1_000 };

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url, SETTINGS);
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
});

const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
const TOKENS: Partial<Limit> = { unit: Unit.UNIT_TOKENS, window: LONG_WINDOW, maximum: 1_000n };
const PLACES: Partial<Limit> = {
  algorithm: Algorithm.ALGORITHM_CONCURRENCY,
  window: { $case: 'hold', value: { ttl: seconds(600) } },
  maximum: 2n,
};

const check = (keyId: string, over: Partial<CheckLimitRequest> = {}) =>
  replica.quota.checkLimit(checkOf(keyId, over));
const settle = (keyId: string, reservationId: string, over: Partial<DebitBudgetRequest> = {}) =>
  replica.quota.debitBudget(
    debitOf(keyId, `settle ${reservationId}`, {
      reservation: { $case: 'reservationId', value: reservationId },
      usage: { input: 0n, cachedInput: 0n, output: 100n, reasoning: 0n },
      ...over,
    }),
  );

/** What is left of a key's limits, in the order of their ids. */
async function left(keyId: string): Promise<readonly bigint[]> {
  const { statuses } = await check(keyId, { dryRun: true });
  return statuses.filter(({ unit }) => unit !== Unit.UNIT_NANO_USD).map((each) => each.remaining);
}

async function declared(name: string, ...limits: readonly Partial<Limit>[]): Promise<string> {
  const { keyId } = await declareKey(replica, name);
  for (const [i, limit] of limits.entries())
    await declareLimit(replica, { id: `${name}-${i}`, owner: ofKey(keyId), ...limit });
  return keyId;
}

const allow = { decision: Decision.DECISION_ALLOW };

describe('limits beside a budget', () => {
  it('are corrected through the row of the reservation', async () => {
    const keyId = await declared('row', TOKENS, PLACES);
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000_000n });
    const hold = { noHold: false, amountNanos: 500n, tokens: 300n };
    const first = await check(keyId, { ...hold, reservationKey: 'a' });
    const second = await check(keyId, { ...hold, reservationKey: 'b' });
    expect(first.reservationId).toMatch(/^res_[0-9A-Z]{26}$/);
    expect(await left(keyId)).toEqual([400n, 0n]);
    await settle(keyId, first.reservationId);
    expect(await left(keyId)).toEqual([600n, 1n]);
    await replica.quota.releaseReservation({
      subject: { $case: 'virtualKeyId', value: keyId },
      reservation: { $case: 'reservationId', value: second.reservationId },
      refund: false,
    });
    expect(await left(keyId)).toEqual([900n, 2n]);
    expect(await settle(keyId, first.reservationId)).toMatchObject({ replayed: true });
    expect(await left(keyId)).toEqual([900n, 2n]);
  });

  it('give back what an operator releases, and keep what time ends until it is settled late', async () => {
    const keyId = await declared('forced', TOKENS, PLACES);
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000_000n });
    const hold = { noHold: false, amountNanos: 500n, tokens: 300n };
    const short = { ...hold, reserveTtl: seconds(1) };
    const forced = await check(keyId, { ...hold, reservationKey: 'a' });
    const over = await check(keyId, { ...short, reservationKey: 'b' });
    expect((await left(keyId))[0]).toBe(400n);
    await replica.ledger.forceRelease({ reservationId: forced.reservationId });
    expect((await left(keyId))[0]).toBe(700n);
    await replica.ledger.forceRelease({ reservationId: forced.reservationId });
    await eventually('the other place is free', async () => (await left(keyId))[1] === 2n);
    expect(await left(keyId)).toEqual([700n, 2n]);
    await eventually('its hold has ended', async () => {
      const { reservations } = await replica.ledger.listReservations({
        virtualKeyId: keyId,
        state: ReservationState.RESERVATION_STATE_EXPIRED,
        pageSize: 0,
        pageToken: '',
      });
      return reservations.some(({ id }) => id === over.reservationId);
    });
    expect(await left(keyId)).toEqual([700n, 2n]);
    expect(await settle(keyId, over.reservationId)).toMatchObject({ late: true });
    expect(await left(keyId)).toEqual([900n, 2n]);
  });

  it('give back what they took if the budget denies', async () => {
    const keyId = await declared('poor', TOKENS, PLACES);
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 100n });
    const denied = await check(keyId, {
      noHold: false,
      amountNanos: 500n,
      tokens: 300n,
      reservationKey: 'a',
    });
    expect(denied.decision).toBe(Decision.DECISION_DENY);
    expect(await left(keyId)).toEqual([1_000n, 2n]);
  });
});

describe('a restart', () => {
  it('lets a reservation with a budget be settled, and forgets one without', async () => {
    const paid = await declared('paid', TOKENS);
    await declareBudget(replica, { owner: ofKey(paid), amountNanos: 1_000_000n });
    const free = await declared('free', TOKENS, PLACES);
    const kept = { noHold: false, reservationKey: 'a', tokens: 300n };
    const withBudget = await check(paid, { ...kept, amountNanos: 500n });
    const without = await check(free, kept);
    await replica.stop();
    replica = await startReplica(database.url, SETTINGS);
    expect(await left(paid)).toEqual([700n]);
    await settle(paid, withBudget.reservationId);
    expect(await left(paid)).toEqual([900n]);
    expect(await left(free)).toEqual([700n, 2n]);
    expect(await settle(free, without.reservationId)).toMatchObject({ late: true });
    expect(await left(free)).toEqual([700n, 2n]);
    const metrics = await (await replica.get('/metrics')).text();
    expect(metrics).toMatch(/^weir_limit_reservations_lost 1$/m);
  });
});

describe('a reservation of limits', () => {
  it('is unknown to another key, and under another name', async () => {
    const keyId = await declared('mine', TOKENS);
    const { keyId: other } = await declareKey(replica, 'other');
    const { reservationId } = await check(keyId, {
      noHold: false,
      reservationKey: 'a',
      tokens: 300n,
    });
    for (const id of [reservationId.toLowerCase(), 'res_', reservationId.replace('res_', 'x_')])
      expect(await failure(settle(keyId, id))).toMatchObject({ code: status.NOT_FOUND });
    expect(await failure(settle(other, reservationId))).toMatchObject({ code: status.NOT_FOUND });
    expect(await left(keyId)).toEqual([700n]);
  });

  it('has a bound, and beyond it nothing is counted', async () => {
    const keyId = await declared('crowd', { ...TOKENS, maximum: 1_000_000n });
    const checks = (from: number) =>
      Array.from({ length: 600 }, (_, i) =>
        checkOf(keyId, { noHold: false, reservationKey: `k${from + i}`, tokens: 1n }),
      );
    const counts = [0, 0];
    for (const from of [0, 600]) {
      const { results } = await replica.quota.batchCheckLimit({ checks: checks(from) });
      for (const { result } of results)
        if (result?.$case === 'response') counts[0] = (counts[0] ?? 0) + 1;
        else {
          expect(result?.value).toMatchObject({
            code: status.RESOURCE_EXHAUSTED,
            message: expect.stringContaining('counters.reservationsMax'),
          });
          counts[1] = (counts[1] ?? 0) + 1;
        }
    }
    expect(counts[1]).toBeGreaterThanOrEqual(200);
    expect(await left(keyId)).toEqual([1_000_000n - BigInt(counts[0] ?? 0)]);
    const metrics = await (await replica.get('/metrics')).text();
    expect(metrics).toMatch(new RegExp(`^weir_limit_reservations_refused ${counts[1]}$`, 'm'));
  });
});

describe('the fail mode', () => {
  it('of a limit that has no counter decides: deny by default, or let pass what others let pass', async () => {
    const keyId = await declared(
      'full',
      { window: LONG_WINDOW, maximum: 5n, onUnavailable: Fallback.FALLBACK_ALLOW },
      {
        window: LONG_WINDOW,
        maximum: 2n,
        onUnavailable: Fallback.FALLBACK_ALLOW,
        groupBy: ['model'],
      },
    );
    const closed = await declared('closed', { window: LONG_WINDOW, maximum: 5n });
    const filler = await declared('filler', {
      window: LONG_WINDOW,
      maximum: 5n,
      groupBy: ['label:n'],
    });
    const checks = Array.from({ length: 1_000 }, (_, i) =>
      checkOf(filler, { labels: { n: `${i}` } }),
    );
    await replica.quota.batchCheckLimit({ checks });
    expect(await failure(check(closed))).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      details: { retryAfterMs: 1_000 },
    });
    // The second limit has its overflow counter, and goes on deciding; the first can only let pass.
    expect(await check(keyId)).toMatchObject(allow);
    expect(await check(keyId)).toMatchObject(allow);
    expect(await check(keyId)).toMatchObject({
      decision: Decision.DECISION_DENY,
      bindingPolicyId: 'full-1',
    });
  });
});
