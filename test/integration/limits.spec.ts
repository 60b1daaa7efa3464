import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unit } from '../../src/gen/weir/v1/common.js';
import { Algorithm, type Limit } from '../../src/gen/weir/v1/governance_service.js';
import {
  type CheckLimitRequest,
  type CheckLimitResponse,
  type DebitBudgetRequest,
  type GetUsageRequest,
  Decision,
  DenyReason,
} from '../../src/gen/weir/v1/quota_service.js';
import {
  checkOf,
  debitOf,
  declareKey,
  declareLimit,
  limitOf,
  ofKey,
  ofTeam,
} from '../support/declare.js';
import { failure } from '../support/failure.js';
import { ManualClock } from '../support/manual-clock.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

/** Limits of every kind over real gRPC, and the time as a test says: what each call does to each counter. */
const clock = new ManualClock('2026-08-03T10:00:50Z');
let database: TestDatabase;
let replica: Replica;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url, {}, clock);
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
});

const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });
const MINUTE = { $case: 'duration', value: seconds(60) } as const;
const TOKENS = { unit: Unit.UNIT_TOKENS, window: MINUTE };
const MONEY = { unit: Unit.UNIT_NANO_USD, window: MINUTE };
const bucketOf = (amount: bigint, ttl = 1): Partial<Limit> => ({
  algorithm: Algorithm.ALGORITHM_TOKEN_BUCKET,
  window: { $case: 'refill', value: { amount, interval: seconds(ttl) } },
});
const places = (ttl: number): Partial<Limit> => ({
  algorithm: Algorithm.ALGORITHM_CONCURRENCY,
  window: { $case: 'hold', value: { ttl: seconds(ttl) } },
});

const at = (time: string): void => clock.set(`2026-08-03T${time}Z`);
const check = (keyId: string, over: Partial<CheckLimitRequest> = {}) =>
  replica.quota.checkLimit(checkOf(keyId, over));
const keyed = (reservationKey: string, over: Partial<CheckLimitRequest> = {}) => ({
  reservationKey,
  noHold: false,
  ...over,
});
const tokensUsed = (output: bigint) => ({ input: 0n, cachedInput: 0n, output, reasoning: 0n });

/** A debit that settles what was reserved under a key. */
const settle = (keyId: string, key: string, over: Partial<DebitBudgetRequest> = {}) =>
  replica.quota.debitBudget(
    debitOf(keyId, `settle ${key}`, {
      reservation: { $case: 'reservationKey', value: key },
      ...over,
    }),
  );

const release = (keyId: string, key: string, refund = false) =>
  replica.quota.releaseReservation({
    subject: { $case: 'virtualKeyId', value: keyId },
    reservation: { $case: 'reservationKey', value: key },
    refund,
  });

const statusOf = ({ statuses }: Pick<CheckLimitResponse, 'statuses'>, limitId: string) =>
  statuses.find(({ policyId }) => policyId === limitId);

/** What is left of a limit, without asking for anything. */
async function left(keyId: string, limitId: string): Promise<bigint | undefined> {
  return statusOf(await check(keyId, { dryRun: true }), limitId)?.remaining;
}

async function declared(name: string, over: Partial<Limit>) {
  const { keyId } = await declareKey(replica, name);
  const { id } = await declareLimit(replica, { owner: ofKey(keyId), ...over });
  return { keyId, id };
}

async function metric(name: string): Promise<number> {
  const text = await (await replica.get('/metrics')).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const allow = { decision: Decision.DECISION_ALLOW };
const deny = (reason: DenyReason, over = {}) => ({
  decision: Decision.DECISION_DENY,
  reason,
  ...over,
});
const { DENY_REASON_RATE_LIMITED: RATE_LIMITED, DENY_REASON_HELD_BY_OTHERS: HELD } = DenyReason;

describe('the worked examples', () => {
  it('1: an estimate is corrected in the window where it was taken', async () => {
    const { keyId, id } = await declared('example1', { ...TOKENS, maximum: 100n });
    at('10:00:50');
    const held = await check(keyId, keyed('a', { tokens: 80n }));
    expect(statusOf(held, id)).toMatchObject({ unit: Unit.UNIT_TOKENS, remaining: 20n });
    at('10:00:55');
    await settle(keyId, 'a', { usage: tokensUsed(30n) });
    expect(await left(keyId, id)).toBe(70n);
  });

  it('1: and not in the one that follows', async () => {
    const { keyId, id } = await declared('example1b', { ...TOKENS, maximum: 100n });
    const sliding = await declareLimit(replica, {
      owner: ofKey(keyId),
      ...TOKENS,
      algorithm: Algorithm.ALGORITHM_SLIDING_WINDOW,
      maximum: 100n,
    });
    at('10:00:50');
    await check(keyId, keyed('a', { tokens: 80n }));
    at('10:01:05');
    expect(await left(keyId, sliding.id)).toBe(100n - 74n);
    await settle(keyId, 'a', { usage: tokensUsed(30n) });
    expect(await left(keyId, id)).toBe(100n);
    expect(await left(keyId, sliding.id)).toBe(100n - 28n);
  });

  it('1: a correction of a window that is gone is dropped, and counted in a metric', async () => {
    const { keyId, id } = await declared('example1c', { ...TOKENS, maximum: 100n });
    at('10:01:10');
    await check(keyId, keyed('a', { tokens: 80n }));
    at('10:02:05');
    await check(keyId, keyed('b', { tokens: 10n }));
    const dropped = await metric('weir_counters_dropped_corrections_total');
    await settle(keyId, 'a', { usage: tokensUsed(30n) });
    expect(await left(keyId, id)).toBe(90n);
    expect(await metric('weir_counters_dropped_corrections_total')).toBe(dropped + 1);
  });

  it('2: what was used may pass the maximum; nothing is left, until the window ends', async () => {
    const { keyId, id } = await declared('example2', { ...TOKENS, maximum: 100n });
    at('10:02:10');
    await check(keyId, keyed('a', { tokens: 80n }));
    await settle(keyId, 'a', { usage: tokensUsed(130n) });
    expect(await left(keyId, id)).toBe(0n);
    expect(await check(keyId, { tokens: 1n })).toMatchObject(
      deny(RATE_LIMITED, { bindingPolicyId: id, retryAfter: seconds(50) }),
    );
    at('10:03:00');
    expect(await check(keyId, { tokens: 1n })).toMatchObject(allow);
  });

  it('11: a sliding window weighs what came before', async () => {
    const { keyId, id } = await declared('example11', {
      window: MINUTE,
      algorithm: Algorithm.ALGORITHM_SLIDING_WINDOW,
      maximum: 100n,
    });
    at('10:04:30');
    await check(keyId, { requests: 80n });
    at('10:05:15');
    expect(await left(keyId, id)).toBe(40n);
    expect(await check(keyId, { requests: 41n })).toMatchObject(deny(RATE_LIMITED));
    expect(await check(keyId, { requests: 40n })).toMatchObject(allow);
  });

  it('12: a token bucket gets back what it gives, evenly', async () => {
    const { keyId } = await declared('example12', { ...bucketOf(10n), maximum: 20n });
    at('10:06:00');
    const emptied = await check(keyId, { requests: 20n });
    expect(emptied.statuses[0]?.interval).toEqual({
      start: { seconds: 1_785_751_560n, nanos: 0 },
      end: { seconds: 1_785_751_562n, nanos: 0 },
    });
    clock.advance(500);
    expect(await check(keyId, { requests: 5n })).toMatchObject(allow);
    expect(await check(keyId, { requests: 5n })).toMatchObject(
      deny(RATE_LIMITED, { retryAfter: { seconds: 0n, nanos: 500_000_000 } }),
    );
    clock.advance(500);
    expect(await check(keyId, { requests: 5n })).toMatchObject(allow);
  });

  it('13: a place is free again when its call dies', async () => {
    const { keyId, id } = await declared('example13', { ...places(30), maximum: 2n });
    at('10:07:00');
    expect(await check(keyId)).toMatchObject(allow);
    clock.advance(10_000);
    const second = await check(keyId);
    expect(statusOf(second, id)).toMatchObject({ remaining: 0n, held: 2n, limit: 2n });
    expect(second.reservationId).not.toBe('');
    expect(await check(keyId)).toMatchObject(
      deny(HELD, { bindingPolicyId: id, retryAfter: seconds(20), reservationId: '' }),
    );
    clock.advance(20_000);
    expect(await check(keyId)).toMatchObject(allow);
    expect(await check(keyId)).toMatchObject(deny(HELD, { retryAfter: seconds(10) }));
  });

  it('14: a changed limit keeps what was counted', async () => {
    const { keyId, id } = await declared('example14', { window: MINUTE, maximum: 100n });
    at('10:08:00');
    await check(keyId, { requests: 40n });
    const change = (maximum: bigint) =>
      replica.governance.updateLimit({
        limit: { ...limitOf({}), id, maximum },
        updateMask: ['maximum'],
      });
    expect(await change(10n)).toMatchObject({ counterRestarted: false });
    expect(await left(keyId, id)).toBe(0n);
    await change(50n);
    expect(await left(keyId, id)).toBe(10n);
  });
});

/** A key with a limit of each kind, and how they stand. */
async function fourLimits(name: string) {
  const { keyId } = await declareKey(replica, name);
  const add = async (id: string, over: Partial<Limit>) =>
    (await declareLimit(replica, { id: `${name}-${id}`, owner: ofKey(keyId), ...over })).id;
  const ids = [
    await add('requests', { window: MINUTE, maximum: 100n }),
    await add('tokens', { ...TOKENS, maximum: 1_000n }),
    await add('money', { ...MONEY, maximum: 10_000n }),
    await add('places', { ...places(30), maximum: 5n }),
  ];
  const state = async () => {
    const answer = await check(keyId, { dryRun: true });
    return ids.map((id) => Number(statusOf(answer, id)?.remaining));
  };
  return { keyId, ids, state };
}

describe('what a call counts', () => {
  const call = { requests: 2n, tokens: 300n, amountNanos: 4_000n };
  const UNTOUCHED = [100, 1_000, 10_000, 5];
  const TAKEN = [98, 700, 6_000, 4];
  const SETTLED = [98, 950, 9_000, 5];
  const used = { usage: tokensUsed(50n), amountNanos: 1_000n };

  it('a check takes the estimate of every unit, and one place', async () => {
    at('11:00:00');
    const { keyId, state } = await fourLimits('cells');
    await check(keyId, keyed('a', call));
    expect(await state()).toEqual(TAKEN);
  });

  it('a check that is denied takes nothing anywhere', async () => {
    at('11:01:00');
    const { keyId, ids, state } = await fourLimits('denied');
    for (const over of [
      { ...call, requests: 101n },
      { ...call, tokens: 1_001n },
      { ...call, amountNanos: 10_001n },
    ])
      expect(await check(keyId, keyed('x', over))).toMatchObject(
        deny(DenyReason.DENY_REASON_TOO_LARGE, { reservationId: '' }),
      );
    for (let i = 0; i < 5; i++) await check(keyId, { requests: 1n, tokens: 0n });
    expect(await check(keyId, call)).toMatchObject(deny(HELD, { bindingPolicyId: ids[3] }));
    expect(await state()).toEqual([95, 1_000, 10_000, 0]);
  });

  it('a dry run and a peek take nothing', async () => {
    at('11:02:00');
    const { keyId, state } = await fourLimits('peek');
    await check(keyId, { ...call, dryRun: true });
    await check(keyId, { requests: 0n, tokens: 0n, noHold: true });
    expect(await state()).toEqual(UNTOUCHED);
  });

  it('a debit that settles corrects tokens and money, and gives the place back', async () => {
    at('11:03:00');
    const { keyId, state } = await fourLimits('settle');
    await check(keyId, keyed('a', call));
    expect(await settle(keyId, 'a', used)).toMatchObject({ late: false, replayed: false });
    expect(await state()).toEqual(SETTLED);
  });

  it('the same debit again, and the same check again, change nothing', async () => {
    at('11:04:00');
    const { keyId, state } = await fourLimits('again');
    const first = await check(keyId, keyed('a', call));
    const repeated = await check(keyId, keyed('a', call));
    expect(repeated).toMatchObject({ replayed: true, reservationId: first.reservationId });
    expect(await state()).toEqual(TAKEN);
    const [one, two] = await Promise.all([settle(keyId, 'a', used), settle(keyId, 'a', used)]);
    expect(one.replayed).toBe(!two.replayed);
    expect(await settle(keyId, 'a', used)).toMatchObject({ replayed: true });
    expect(await check(keyId, keyed('a', call))).toMatchObject({ replayed: true });
    expect(await state()).toEqual(SETTLED);
    const other = await failure(check(keyId, keyed('a', { ...call, tokens: 1n })));
    expect(other).toMatchObject({ code: status.ALREADY_EXISTS });
    expect(await failure(settle(keyId, 'a', { idempotencyKey: 'another' }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    expect(await state()).toEqual(SETTLED);
  });

  it('a debit that nobody asked for counts nothing unless it says so', async () => {
    at('11:05:00');
    const { keyId, state } = await fourLimits('unasked');
    const debit = (key: string, countLimits: boolean) =>
      replica.quota.debitBudget(debitOf(keyId, key, { ...used, countLimits }));
    await debit('a', false);
    expect(await state()).toEqual(UNTOUCHED);
    await debit('b', true);
    await debit('b', true);
    expect(await state()).toEqual([99, 950, 9_000, 5]);
  });

  it('a release gives the estimate and the place back, and requests only with a refund', async () => {
    at('11:06:00');
    const { keyId, state } = await fourLimits('release');
    await check(keyId, keyed('a', call));
    await check(keyId, keyed('b', call));
    expect(await release(keyId, 'a')).toMatchObject({ replayed: false });
    expect(await state()).toEqual(TAKEN.map((n, i) => (i === 0 ? 96 : n)));
    expect(await release(keyId, 'a', true)).toMatchObject({ replayed: true });
    await release(keyId, 'b', true);
    expect(await state()).toEqual([98, 1_000, 10_000, 5]);
    expect(await failure(settle(keyId, 'b', used))).toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    expect(await state()).toEqual([98, 1_000, 10_000, 5]);
  });

  it('time that passes gives places back and nothing else; a late settle corrects', async () => {
    at('11:07:00');
    const { keyId, state } = await fourLimits('late');
    await check(keyId, keyed('a', { ...call, reserveTtl: seconds(20) }));
    clock.advance(20_000);
    expect(await state()).toEqual([98, 700, 6_000, 5]);
    expect(await failure(release(keyId, 'a'))).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(await settle(keyId, 'a', used)).toMatchObject({ late: true });
    expect(await state()).toEqual(SETTLED);
  });

  it('an extension keeps the place', async () => {
    at('11:08:00');
    const { keyId, state } = await fourLimits('extend');
    await check(keyId, keyed('a', { ...call, reserveTtl: seconds(20) }));
    const extended = await replica.quota.extendReservation({
      subject: { $case: 'virtualKeyId', value: keyId },
      reservation: { $case: 'reservationKey', value: 'a' },
      reserveTtl: seconds(40),
      addNanos: 0n,
    });
    expect(extended).toMatchObject(allow);
    clock.advance(39_000);
    expect(await state()).toEqual(TAKEN);
    clock.advance(1_000);
    expect((await state())[3]).toBe(5);
  });

  it('the batch decides in order, each by itself', async () => {
    at('11:09:00');
    const { keyId, state } = await fourLimits('batch');
    const checks = [900n, 200n, 100n].map((tokens, i) =>
      checkOf(keyId, keyed(`k${i}`, { tokens })),
    );
    const { results } = await replica.quota.batchCheckLimit({ checks });
    const decisions = results.map(({ result }) =>
      result?.$case === 'response' ? result.value.decision : undefined,
    );
    expect(decisions).toEqual([1, 2, 1]);
    expect(await state()).toEqual([98, 0, 10_000, 3]);
  });
});

describe('estimates', () => {
  it('come from the tokens that a call sends and may get back', async () => {
    at('12:00:00');
    const { keyId, id } = await declared('sum', { ...TOKENS, maximum: 100n });
    await check(keyId, { inputTokens: 30n, maxOutputTokens: 40n });
    expect(await left(keyId, id)).toBe(30n);
  });

  it('that are not known pass while anything is left, and are counted when they are', async () => {
    at('12:01:00');
    const { keyId, id } = await declared('unknown', { ...TOKENS, maximum: 100n });
    expect(await check(keyId, keyed('a'))).toMatchObject(allow);
    expect(await left(keyId, id)).toBe(100n);
    await settle(keyId, 'a', { usage: tokensUsed(100n) });
    expect(await left(keyId, id)).toBe(0n);
    expect(await check(keyId, keyed('b'))).toMatchObject(deny(RATE_LIMITED));
  });

  it('stay if the debit does not say how many tokens it were', async () => {
    at('12:02:00');
    const { keyId, id } = await declared('untold', { ...TOKENS, maximum: 100n });
    await check(keyId, keyed('a', { tokens: 60n }));
    await settle(keyId, 'a', { amountNanos: 5n });
    expect(await left(keyId, id)).toBe(40n);
  });

  it('of a bucket that were too low leave it in debt', async () => {
    at('12:03:00');
    const { keyId, id } = await declared('debt', {
      ...bucketOf(10n),
      unit: Unit.UNIT_TOKENS,
      maximum: 20n,
    });
    await check(keyId, keyed('a', { tokens: 20n }));
    await settle(keyId, 'a', { usage: tokensUsed(40n) });
    expect(await left(keyId, id)).toBe(0n);
    expect(await check(keyId, { tokens: 1n })).toMatchObject(
      deny(RATE_LIMITED, { retryAfter: { seconds: 2n, nanos: 100_000_000 } }),
    );
    clock.advance(2_100);
    expect(await check(keyId, { tokens: 1n })).toMatchObject(allow);
  });

  it('beyond what a counter can count fit no limit', async () => {
    at('12:04:00');
    const { keyId } = await declared('huge', { ...MONEY, maximum: 2n ** 53n - 1n });
    expect(await check(keyId, { amountNanos: 2n ** 63n - 1n })).toMatchObject(
      deny(DenyReason.DENY_REASON_TOO_LARGE),
    );
    expect(await check(keyId, { amountNanos: 2n ** 53n - 1n })).toMatchObject(allow);
    expect(await check(keyId, { amountNanos: 1n })).toMatchObject(deny(RATE_LIMITED));
    for (const tokens of [-1n, 2n ** 53n, 2n ** 63n - 1n])
      expect(await failure(check(keyId, { tokens }))).toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: { violations: [{ field: 'tokens', description: expect.any(String) }] },
      });
  });
});

describe('groups', () => {
  it('count apart, and say whose counter it is; a missing value is a group too', async () => {
    at('13:00:00');
    const { keyId, id } = await declared('groups', {
      window: MINUTE,
      maximum: 2n,
      groupBy: ['label:user', 'model', 'virtual_key', 'customer'],
    });
    const ask = (model: string, user?: string) =>
      check(keyId, { model, labels: user === undefined ? {} : { user } });
    const first = await ask('o3', 'ada');
    expect(statusOf(first, id)).toMatchObject({
      remaining: 1n,
      group: { virtual_key: keyId, customer: 'groups-customer', model: 'o3', 'label:user': 'ada' },
    });
    expect(statusOf(await ask('o3', 'bob'), id)?.remaining).toBe(1n);
    expect(statusOf(await ask('o4', 'ada'), id)?.remaining).toBe(1n);
    const none = await ask('', undefined);
    expect(statusOf(none, id)?.group).toMatchObject({ model: '(none)', 'label:user': '(none)' });
    expect(statusOf(await ask('', ''), id)?.remaining).toBe(0n);
    await ask('o3', 'ada');
    expect(await ask('o3', 'ada')).toMatchObject(deny(RATE_LIMITED));
    expect(await ask('o3', 'bob')).toMatchObject(allow);
  });

  it('past the cap share one counter, and a metric names the limit; a settle finds it', async () => {
    at('13:01:00');
    const { keyId, id } = await declared('capped', {
      ...TOKENS,
      maximum: 100n,
      groupBy: ['label:user'],
      groupsMax: 2,
    });
    const ask = (user: string, tokens: bigint, over = {}) =>
      check(keyId, { labels: { user }, tokens, ...over });
    for (const user of ['a', 'b']) await ask(user, 90n);
    const overflowed = `weir_counters_overflowed_total\\{policy="${id}"\\}`;
    expect(await metric(overflowed)).toBeNaN();
    expect(statusOf(await ask('c', 60n, keyed('c')), id)?.remaining).toBe(40n);
    expect(await ask('d', 60n)).toMatchObject(deny(RATE_LIMITED));
    await settle(keyId, 'c', { usage: tokensUsed(10n) });
    expect(statusOf(await ask('d', 60n), id)?.remaining).toBe(30n);
    expect(statusOf(await ask('a', 0n), id)?.remaining).toBe(10n);
    expect(await metric(overflowed)).toBe(2);
  });

  it('are looked at one by one, and a key that groups nothing is refused', async () => {
    at('13:03:00');
    const { keyId, id } = await declared('looked-at', {
      window: MINUTE,
      maximum: 5n,
      groupBy: ['model', 'label:user'],
    });
    const plain = await declareLimit(replica, { owner: ofKey(keyId), window: MINUTE });
    const usage = (group: Record<string, string>) =>
      replica.quota.getUsage({
        subject: { $case: 'virtualKeyId', value: keyId },
        interval: undefined,
        group,
      });
    await check(keyId, { model: 'o3', labels: { user: 'ada' }, requests: 3n });
    await check(keyId, { model: 'o3' });

    const ada = await usage({ model: 'o3', 'label:user': 'ada' });
    expect(statusOf(ada, id)).toMatchObject({
      remaining: 2n,
      group: { model: 'o3', 'label:user': 'ada' },
    });
    expect(statusOf(ada, plain.id)).toMatchObject({ remaining: 6n, group: {} });
    expect(statusOf(await usage({ model: 'o4', 'label:user': 'ada' }), id)?.remaining).toBe(5n);
    // A key that is left out, or empty, is that of a call without a value.
    for (const group of [{ model: 'o3' }, { model: 'o3', 'label:user': '' }])
      expect(statusOf(await usage(group), id)).toMatchObject({
        remaining: 4n,
        group: { model: 'o3', 'label:user': '(none)' },
      });
    expect(await failure(usage({ model: 'o3', 'label:users': 'ada' }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: {
        violations: [
          {
            field: 'group["label:users"]',
            description: 'no limit of this owner is grouped by that; they are by label:user, model',
          },
        ],
      },
    });
    expect(statusOf(await usage({ model: 'o3', 'label:user': 'ada' }), id)?.remaining).toBe(2n);
  });

  it('of team and customer are those of the owner, unless others are asked for', async () => {
    at('13:04:00');
    const { keyId, teamId, customerId } = await declareKey(replica, 'lined');
    const groupBy = ['virtual_key', 'team', 'customer', 'model'];
    const grouped = { window: MINUTE, maximum: 5n, groupBy };
    const ofItsKey = await declareLimit(replica, { ...grouped, owner: ofKey(keyId) });
    const ofItsTeam = await declareLimit(replica, { ...grouped, owner: ofTeam(teamId) });
    await check(keyId, { model: 'o3', requests: 2n });
    const usage = (subject: GetUsageRequest['subject'], group: Record<string, string>) =>
      replica.quota.getUsage({ subject, interval: undefined, group });
    const line = { virtual_key: keyId, team: teamId, customer: customerId, model: 'o3' };

    const key = { $case: 'virtualKeyId', value: keyId } as const;
    const own = await usage(key, { model: 'o3' });
    expect(statusOf(own, ofItsKey.id)).toMatchObject({ remaining: 3n, group: line });
    const elsewhere = await usage(key, { model: 'o3', team: 'others', customer: '' });
    expect(statusOf(elsewhere, ofItsKey.id)).toMatchObject({
      remaining: 5n,
      group: { ...line, team: 'others', customer: '(none)' },
    });
    // Which of its keys is not known.
    const team = { $case: 'owner', value: ofTeam(teamId) } as const;
    expect(statusOf(await usage(team, { model: 'o3' }), ofItsTeam.id)).toMatchObject({
      remaining: 5n,
      group: { ...line, virtual_key: '(none)' },
    });
    const named = await usage(team, { model: 'o3', virtual_key: keyId });
    expect(statusOf(named, ofItsTeam.id)).toMatchObject({ remaining: 3n, group: line });
    expect(await failure(usage(team, { team: 'x'.repeat(257) }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: {
        violations: [{ field: 'group["team"]', description: 'is longer than 256 bytes' }],
      },
    });
  });

  it('begin anew when the keys change, and not with the cap', async () => {
    at('13:02:00');
    const { keyId, id } = await declared('regroup', {
      window: MINUTE,
      maximum: 5n,
      groupBy: ['model'],
    });
    await check(keyId, { requests: 3n });
    const change = (over: Partial<Limit>, path: string) =>
      replica.governance.updateLimit({
        limit: { ...limitOf({}), id, ...over },
        updateMask: [path],
      });
    await change({ groupsMax: 7 }, 'groups_max');
    expect(await left(keyId, id)).toBe(2n);
    expect(await change({ groupBy: ['provider'] }, 'group_by')).toMatchObject({
      counterRestarted: true,
    });
    expect(await left(keyId, id)).toBe(5n);
  });
});

describe('a policy that is changed while calls are under way', () => {
  const change = (id: string, over: Partial<Limit>, ...updateMask: string[]) =>
    replica.governance.updateLimit({ limit: { ...limitOf({}), id, ...over }, updateMask });

  it('to another meaning is not corrected by what the old one took', async () => {
    at('14:00:00');
    const { keyId, id } = await declared('remeant', { ...TOKENS, maximum: 100n });
    await check(keyId, keyed('a', { tokens: 80n }));
    await change(id, { unit: Unit.UNIT_REQUESTS }, 'unit');
    await settle(keyId, 'a', { usage: tokensUsed(10n) });
    expect(await left(keyId, id)).toBe(100n);
  });

  it('in place is corrected as before, and a deleted one harms nobody', async () => {
    at('14:01:00');
    const { keyId, id } = await declared('inplace', { ...TOKENS, maximum: 100n });
    const gone = await declareLimit(replica, { owner: ofKey(keyId), ...TOKENS, maximum: 100n });
    await check(keyId, keyed('a', { tokens: 80n }));
    await change(id, { maximum: 50n, shadow: true }, 'maximum', 'shadow');
    await replica.governance.deleteLimit({ id: gone.id });
    await settle(keyId, 'a', { usage: tokensUsed(10n) });
    expect(await left(keyId, id)).toBe(40n);
  });

  it('keeps the fill of a bucket at another rate', async () => {
    at('14:02:00');
    const { keyId, id } = await declared('refilled', { ...bucketOf(1n, 60), maximum: 20n });
    await check(keyId, { requests: 15n });
    const { window } = bucketOf(5n);
    expect(await change(id, { window, maximum: 30n }, 'refill', 'maximum')).toMatchObject({
      counterRestarted: false,
    });
    expect(await left(keyId, id)).toBe(15n);
    clock.advance(1_000);
    expect(await left(keyId, id)).toBe(20n);
  });

  it('in shadow counts what passes, and stops nobody', async () => {
    at('14:03:00');
    const { keyId, id } = await declared('shadowed', { ...TOKENS, maximum: 10n, shadow: true });
    const answer = await check(keyId, { tokens: 50n });
    expect(answer).toMatchObject(allow);
    expect(statusOf(answer, id)).toMatchObject({ admits: false, remaining: 0n, shadow: true });
  });
});
