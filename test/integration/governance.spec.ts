import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { CalendarUnit, Unit, Weekday } from '../../src/gen/weir/v1/common.js';
import {
  Algorithm,
  type Customer,
  ExpiryPolicy,
  Fallback,
  type Grant,
  type Limit,
  type VirtualKey,
} from '../../src/gen/weir/v1/governance_service.js';
import { Decision, DenyReason } from '../../src/gen/weir/v1/quota_service.js';
import { GrpcCallError } from '../../src/rpc/grpc-client.js';
import {
  budgetOf,
  checkOf,
  declareBudget,
  declareKey,
  declareLimit,
  limitOf,
  match,
  ofCustomer,
  ofKey,
  ofTeam,
  priceOf,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, runSql, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

const INT64_MAX = 9_223_372_036_854_775_807n;
const TIMES = { createdAt: undefined, updatedAt: undefined };

let database: TestDatabase;
let here: Replica;
/** Looks for changes once an hour: what it learns in time, it learns from notices and read-through. */
let there: Replica;

beforeAll(async () => {
  database = await createTestDatabase();
  here = await startReplica(database.url);
  there = await startReplica(database.url, { 'governance.pollIntervalMs': 3_600_000 });
});

afterAll(async () => {
  await here?.stop();
  await there?.stop();
  await database?.drop();
});

const customerOf = (over: Partial<Customer>): Customer => ({
  id: '',
  name: 'x',
  ...TIMES,
  ...over,
});

const keyOf = (over: Partial<VirtualKey>): VirtualKey => ({
  id: '',
  name: 'x',
  teamId: '',
  customerId: '',
  active: true,
  expiresAt: undefined,
  allowedProviders: undefined,
  allowedModels: undefined,
  secretHint: '',
  ...TIMES,
  ...over,
});

const grantOf = (over: Partial<Grant>): Grant => ({
  id: '',
  budgetId: '',
  amountNanos: 5n,
  startsAt: undefined,
  endsAt: { seconds: 4_000_000_000n, nanos: 0 },
  reason: 'launch',
  actor: 'ada',
  createdAt: undefined,
  ...over,
});

/** The gRPC status of a call that fails, and the fields that it complains of. */
async function refusal(
  call: Promise<unknown>,
): Promise<{ code: number; fields: string[]; details: string }> {
  const error: unknown = await call.then(
    () => new Error('the call succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof GrpcCallError)) throw error;
  const fields = error.details.violations.map(({ field }) => field);
  return { code: error.code, fields, details: error.message };
}

describe('the governance API', () => {
  it('creates, reads, lists, updates and deletes each kind of record', async () => {
    const { governance } = here;
    const { customerId, teamId, keyId } = await declareKey(here, 'crud');
    const limit = await declareLimit(here, {
      owner: ofKey(keyId),
      match: match({ models: ['gpt-*'] }),
    });
    const budget = await declareBudget(here, { owner: ofTeam(teamId), amountNanos: INT64_MAX });
    const { price } = await governance.createPrice({ price: priceOf({ provider: 'crud' }) });
    const priceId = price?.id ?? '';
    expect(await governance.getLimit({ id: limit.id })).toEqual({ limit });
    expect(await governance.getBudget({ id: budget.id })).toEqual({ budget });
    expect(await governance.getPrice({ id: priceId })).toEqual({ price });
    const page = { pageSize: 0, pageToken: '' };
    expect(await governance.listLimits({ ...page, owner: ofKey(keyId) })).toEqual({
      limits: [limit],
      nextPageToken: '',
    });
    const keys = await governance.listVirtualKeys({ ...page, teamId, customerId: '' });
    expect(keys.virtualKeys.map(({ id }) => id)).toEqual([keyId]);
    const teams = await governance.listTeams({ ...page, customerId });
    expect(teams.teams.map(({ id }) => id)).toEqual([teamId]);
    const renamed = await governance.updateCustomer({
      customer: customerOf({ id: customerId, name: 'شركة 🦊' }),
      updateMask: ['name'],
    });
    expect(renamed.customer?.name).toBe('شركة 🦊');
    expect(await refusal(governance.deleteCustomer({ id: customerId }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: expect.stringContaining('still has 1 team, 1 virtual key'),
    });
    await governance.deletePrice({ id: priceId });
    await governance.deleteBudget({ id: budget.id });
    await governance.deleteLimit({ id: limit.id });
    await governance.deleteVirtualKey({ id: keyId });
    await governance.deleteTeam({ id: teamId });
    await governance.deleteCustomer({ id: customerId });
    const gone = await refusal(governance.getCustomer({ id: customerId }));
    expect(gone.code).toBe(status.NOT_FOUND);
  });

  it('keeps what an update does not name, and says when counting starts anew', async () => {
    const calendar = {
      unit: CalendarUnit.CALENDAR_UNIT_WEEK,
      timeZone: 'Europe/Berlin',
      weekStart: Weekday.WEEKDAY_SUNDAY,
      anchorDay: 0,
      anchorMonth: 0,
    };
    const window = { $case: 'calendar', value: calendar } as const;
    const limit = await declareLimit(here, { maximum: 7n, match: match({ providers: ['none'] }) });
    const change = { ...limitOf({}), id: limit.id, maximum: 0n, window, name: '' };
    const inPlace = await here.governance.updateLimit({ limit: change, updateMask: ['maximum'] });
    expect(inPlace).toMatchObject({
      counterRestarted: false,
      limit: { ...limit, maximum: 0n, updatedAt: expect.anything() },
    });
    const anew = await here.governance.updateLimit({ limit: change, updateMask: ['calendar'] });
    expect(anew).toMatchObject({ counterRestarted: true, limit: { window, maximum: 0n } });
    const again = await here.governance.updateLimit({ limit: change, updateMask: ['calendar'] });
    expect(again.counterRestarted).toBe(false);
    const budget = await declareBudget(here, { match: match({ providers: ['none'] }) });
    const period = { ...budget, period: window };
    const restarted = await here.governance.updateBudget({
      budget: period,
      updateMask: ['calendar'],
    });
    expect(restarted.periodRestarted).toBe(true);
    await here.governance.deleteBudget({ id: budget.id });
    await here.governance.deleteLimit({ id: limit.id });
  });

  it('keeps every kind of limit, and says what restarts its counter', async () => {
    const { governance } = here;
    const none = match({ providers: ['none'] });
    const seconds = (count: bigint) => ({ seconds: count, nanos: 0 });
    const refill = (amount: bigint) =>
      ({ $case: 'refill', value: { amount, interval: seconds(1n) } }) as const;
    const bucket = await declareLimit(here, {
      unit: Unit.UNIT_TOKENS,
      algorithm: Algorithm.ALGORITHM_UNSPECIFIED,
      window: refill(10n),
      groupBy: ['label:user', 'model'],
      onUnavailable: Fallback.FALLBACK_ALLOW,
      match: none,
    });
    expect(bucket).toMatchObject({
      algorithm: Algorithm.ALGORITHM_TOKEN_BUCKET,
      groupBy: ['model', 'label:user'],
      groupsMax: 10_000,
    });
    expect(await governance.getLimit({ id: bucket.id })).toEqual({ limit: bucket });
    const places = await declareLimit(here, {
      algorithm: Algorithm.ALGORITHM_CONCURRENCY,
      window: { $case: 'hold', value: { ttl: seconds(30n) } },
      match: none,
    });
    expect(await governance.getLimit({ id: places.id })).toEqual({ limit: places });
    const change = (over: Partial<Limit>, ...updateMask: string[]) =>
      governance.updateLimit({ limit: { ...bucket, ...over }, updateMask });
    const faster = await change({ window: refill(20n), maximum: 7n }, 'refill', 'maximum');
    expect(faster).toMatchObject({ counterRestarted: false, limit: { maximum: 7n } });
    expect(await change({ groupsMax: 5 }, 'groups_max')).toMatchObject({ counterRestarted: false });
    expect(await change({ groupBy: [] }, 'group_by')).toMatchObject({ counterRestarted: true });
    const spent = await change({ unit: Unit.UNIT_NANO_USD }, 'unit');
    expect(spent).toMatchObject({ counterRestarted: true, limit: { groupBy: [], maximum: 7n } });
    const { fields } = await refusal(change({ window: places.window }, 'hold'));
    expect(fields).toEqual(['limit.algorithm', 'limit.unit']);
    for (const { id } of [bucket, places]) await governance.deleteLimit({ id });
  });

  it('keeps the rules of a budget, and changes them in place', async () => {
    const { governance } = here;
    const anchor = { seconds: 1_785_715_200n, nanos: 0 };
    const duration = { seconds: 2_592_000n, nanos: 0 };
    const rules = {
      period: { $case: 'fixed', value: { duration, anchor } },
      onExpiry: ExpiryPolicy.EXPIRY_POLICY_CHARGE_FLOOR,
      onUnavailable: Fallback.FALLBACK_ALLOW,
      onUnpriced: Fallback.FALLBACK_DENY,
      thresholdPercents: [90, 150],
      carryOver: { maxNanos: 20n, minNanos: 5n, overage: true },
    } as const;
    const other = { match: match({ providers: ['none'] }) };
    const budget = await declareBudget(here, { ...other, ...rules, thresholdPercents: [90, 150] });
    expect(budget).toMatchObject(rules);
    expect(await governance.getBudget({ id: budget.id })).toEqual({ budget });
    const changed = await governance.updateBudget({
      budget: { ...budgetOf({ id: budget.id }), carryOver: { ...rules.carryOver, maxNanos: 9n } },
      updateMask: ['carry_over.max_nanos', 'threshold_percents', 'on_expiry'],
    });
    expect(changed).toMatchObject({
      periodRestarted: false,
      budget: {
        ...rules,
        onExpiry: ExpiryPolicy.EXPIRY_POLICY_RELEASE,
        thresholdPercents: [50, 80, 100],
        carryOver: { ...rules.carryOver, maxNanos: 9n },
      },
    });
    const plain = await declareBudget(here, other);
    expect(plain).toMatchObject({
      onExpiry: ExpiryPolicy.EXPIRY_POLICY_RELEASE,
      onUnavailable: Fallback.FALLBACK_DENY,
      onUnpriced: Fallback.FALLBACK_DENY,
      thresholdPercents: [50, 80, 100],
    });
    await governance.deleteBudget({ id: plain.id });
    await governance.deleteBudget({ id: budget.id });
  });

  it('gives grants for good, to budgets that there are', async () => {
    const { governance } = here;
    const { id: budgetId } = await declareBudget(here, { match: match({ providers: ['none'] }) });
    const create = (over: Partial<Grant>) => governance.createGrant({ grant: grantOf(over) });
    const grants: Grant[] = [];
    for (const id of ['g1', 'g2', 'g3']) {
      const { grant } = await create({ id, budgetId });
      if (grant !== undefined) grants.push(grant);
    }
    expect(grants[0]).toMatchObject({ startsAt: grants[0]?.createdAt, reason: 'launch' });
    expect(await governance.getGrant({ id: 'g1' })).toEqual({ grant: grants[0] });
    const first = await governance.listGrants({ budgetId, pageSize: 2, pageToken: '' });
    const { nextPageToken: pageToken } = first;
    const second = await governance.listGrants({ budgetId, pageSize: 2, pageToken });
    expect([...first.grants, ...second.grants]).toEqual(grants);
    expect(second.nextPageToken).toBe('');
    const elsewhere = await there.governance.createGrant({ grant: grantOf({ budgetId }) });
    expect(elsewhere.grant?.id).toMatch(/^grant_/);
    expect(await refusal(create({ id: 'g1', budgetId }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      fields: ['grant.id'],
    });
    expect(await refusal(create({ budgetId: 'nobody' }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      fields: ['grant.budget_id'],
    });
    const empty = { amountNanos: 0n, endsAt: undefined, reason: '', actor: '' };
    expect(await refusal(create({ budgetId, ...empty }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['grant.amount_nanos', 'grant.ends_at', 'grant.reason', 'grant.actor'],
    });
    expect(await refusal(governance.getGrant({ id: 'nobody' }))).toMatchObject({
      code: status.NOT_FOUND,
    });
    await governance.deleteBudget({ id: budgetId });
    expect(await governance.getGrant({ id: 'g1' })).toEqual({ grant: grants[0] });
  });

  it('pages through more than one page', async () => {
    const ids = Array.from({ length: 25 }, (_, i) => `page-${String(i).padStart(2, '0')}`);
    await Promise.all(
      ids.map((id) => here.governance.createCustomer({ customer: customerOf({ id }) })),
    );
    const seen: string[] = [];
    let pageToken = '';
    do {
      const page = await here.governance.listCustomers({ pageSize: 10, pageToken });
      expect(page.customers.length).toBeLessThanOrEqual(10);
      seen.push(...page.customers.map(({ id }) => id));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(seen.filter((id) => id.startsWith('page-'))).toEqual(ids);
    expect(seen).toEqual([...seen].sort());
  });

  it('lets one of many that create the same id at once succeed', async () => {
    const create = () => here.governance.createCustomer({ customer: customerOf({ id: 'race' }) });
    const elsewhere = () =>
      there.governance.createCustomer({ customer: customerOf({ id: 'race' }) });
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? create() : elsewhere())),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toMatchObject({ code: status.ALREADY_EXISTS });
    }
  });

  it('imports ten thousand prices as a whole', async () => {
    const prices = Array.from({ length: 10_000 }, (_, i) =>
      priceOf({ provider: 'bulk', model: `m${i}` }),
    );
    expect(await here.governance.importPrices({ prices })).toEqual({
      created: 10_000,
      updated: 0,
      unchanged: 0,
    });
    const bad = [
      ...prices.slice(0, 3),
      priceOf({ provider: 'bulk', model: '', outputPicoUsdPerToken: -1n }),
    ];
    expect(await refusal(here.governance.importPrices({ prices: bad }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['prices[3].model', 'prices[3].output_pico_usd_per_token'],
    });
  });
});

describe('a change on another replica', () => {
  const decide = async (replica: Replica, keyId: string) => {
    const { decision, reason } = await replica.quota.checkLimit(checkOf(keyId));
    return decision === Decision.DECISION_ALLOW ? 'ALLOW' : DenyReason[reason];
  };

  it('decides the next check where it was made', async () => {
    const { keyId } = await declareKey(here, 'own');
    expect(await decide(here, keyId)).toBe('ALLOW');
    const limit = await declareLimit(here, { owner: ofKey(keyId), maximum: 0n });
    expect(await decide(here, keyId)).not.toBe('ALLOW');
    await here.governance.deleteLimit({ id: limit.id });
    expect(await decide(here, keyId)).toBe('ALLOW');
  });

  it('is followed through notices: a new key at once, the rest in a moment', async () => {
    const { keyId, secret, customerId } = await declareKey(here, 'remote');
    const subject = { $case: 'virtualKey', value: secret } as const;
    const first = await there.quota.checkLimit(checkOf('', { subject }));
    expect(first).toMatchObject({ decision: Decision.DECISION_ALLOW, virtualKeyId: keyId });
    await declareLimit(here, { owner: ofCustomer(customerId), maximum: 0n });
    await eventually('the limit denies', async () => (await decide(there, keyId)) !== 'ALLOW');
  });

  it('retires a secret everywhere', async () => {
    const { keyId, secret } = await declareKey(here, 'rotate');
    const subject = { $case: 'virtualKey', value: secret } as const;
    const check = async () => (await there.quota.checkLimit(checkOf('', { subject }))).reason;
    expect(await check()).toBe(DenyReason.DENY_REASON_UNSPECIFIED);
    const rotated = await here.governance.rotateVirtualKey({ id: keyId });
    expect(rotated.secret).not.toBe(secret);
    await eventually(
      'the old secret is unknown',
      async () => (await check()) === DenyReason.DENY_REASON_KEY_UNKNOWN,
    );
    const value = rotated.secret;
    const answer = await there.quota.checkLimit(
      checkOf('', { subject: { $case: 'virtualKey', value } }),
    );
    expect(answer.virtualKeyId).toBe(keyId);
  });

  it('is followed by the poll when it was not told of', async () => {
    const { keyId } = await declareKey(here, 'untold');
    await runSql(
      `UPDATE virtual_keys SET active = false WHERE id = '${keyId}';
       INSERT INTO governance_changes SELECT version + 1, 'virtual_key', '${keyId}', false FROM governance_state;
       UPDATE governance_state SET version = version + 1;`,
      database.url,
    );
    await eventually(
      'the key is inactive',
      async () => (await decide(here, keyId)) === 'DENY_REASON_KEY_INACTIVE',
    );
  });
});

describe('bad input', () => {
  const create = (over: Partial<Customer>) =>
    here.governance.createCustomer({ customer: customerOf(over) });

  it.each([
    ['of 1 MB', 'x'.repeat(1_048_576)],
    ['with NUL', 'a\0b'],
    ['with control characters', 'a\u001B[31mb'],
    ['of nothing', ''],
  ])('as a name %s is refused by field', async (_, name) => {
    const { code, fields, details } = await refusal(create({ name }));
    expect({ code, fields }).toEqual({ code: status.INVALID_ARGUMENT, fields: ['customer.name'] });
    expect(details.length).toBeLessThan(300);
  });

  it('in the form of right-to-left text and emoji is fine', async () => {
    const name = 'متجر 🦊🏽‍🚀 \u200Fx';
    expect((await create({ name })).customer?.name).toBe(name);
  });

  it('of ten thousand labels is refused in a line', async () => {
    const labels = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`l${i}`, 'x']));
    const limit = limitOf({ match: match({ labels }) });
    const { code, fields } = await refusal(here.governance.createLimit({ limit }));
    expect({ code, fields }).toEqual({
      code: status.INVALID_ARGUMENT,
      fields: ['limit.match.labels'],
    });
  });

  it.each([
    [-1n, ['budget.amount_nanos']],
    [-INT64_MAX - 1n, ['budget.amount_nanos']],
  ])('in the form of the amount %d is refused', async (amountNanos, fields) => {
    const budget = budgetOf({ amountNanos });
    expect(await refusal(here.governance.createBudget({ budget }))).toMatchObject({ fields });
  });

  it.each([
    ['0', { seconds: 0n, nanos: 0 }],
    ['1 ms', { seconds: 0n, nanos: 1_000_000 }],
    ['100 years', { seconds: 3_155_760_000n, nanos: 0 }],
    ['the longest there is', { seconds: INT64_MAX, nanos: 999_999_999 }],
  ])('as a duration of %s is refused', async (_, value) => {
    const limit = limitOf({ window: { $case: 'duration', value } });
    expect(await refusal(here.governance.createLimit({ limit }))).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['limit.duration'],
    });
  });

  it('is told of all at once', async () => {
    const calendar = {
      unit: CalendarUnit.CALENDAR_UNIT_MINUTE,
      timeZone: 'Mars/Olympus',
      weekStart: 99 as Weekday,
      anchorDay: 40,
      anchorMonth: 13,
    };
    const limit = limitOf({
      id: '?',
      name: '\0',
      owner: undefined,
      unit: 77 as Unit,
      maximum: INT64_MAX,
      algorithm: 77 as Algorithm,
      window: { $case: 'calendar', value: calendar },
    });
    const { fields } = await refusal(here.governance.createLimit({ limit }));
    expect(fields.sort()).toEqual([
      'limit.algorithm',
      'limit.calendar.anchor_day',
      'limit.calendar.anchor_month',
      'limit.calendar.time_zone',
      'limit.calendar.week_start',
      'limit.id',
      'limit.maximum',
      'limit.name',
      'limit.owner.kind',
      'limit.unit',
    ]);
  });

  it('in masks, pages and ids is refused by field', async () => {
    const { governance } = here;
    await create({ id: 'masked' });
    const customer = customerOf({ id: 'masked', name: 'other' });
    const calls: [() => Promise<unknown>, string][] = [
      [() => governance.createCustomer({ customer: undefined }), 'customer'],
      [() => governance.updateCustomer({ customer, updateMask: undefined }), 'update_mask'],
      [() => governance.updateCustomer({ customer, updateMask: ['id'] }), 'update_mask.paths'],
      [
        () => governance.updateCustomer({ customer, updateMask: ['x'.repeat(100_000)] }),
        'update_mask.paths',
      ],
      [() => governance.getCustomer({ id: '' }), 'id'],
      [() => governance.listCustomers({ pageSize: -1, pageToken: '' }), 'page_size'],
      [() => governance.listCustomers({ pageSize: 0, pageToken: '%' }), 'page_token'],
      [
        () =>
          governance.createVirtualKey({
            virtualKey: keyOf({ expiresAt: { seconds: -1n, nanos: 0 } }),
          }),
        'virtual_key.expires_at',
      ],
    ];
    for (const [call, field] of calls) {
      const { code, fields } = await refusal(call());
      expect({ code, fields }).toEqual({ code: status.INVALID_ARGUMENT, fields: [field] });
    }
    expect((await governance.getCustomer({ id: 'masked' })).customer?.name).toBe('x');
  });
});
