import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Algorithm } from '../../src/gen/weir/v1/governance_service.js';
import { Decision, DenyReason } from '../../src/gen/weir/v1/quota_service.js';
import {
  checkOf,
  debitOf,
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
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

let database: TestDatabase;
let replica: Replica;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url);
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
});

const allow = { decision: Decision.DECISION_ALLOW, reason: DenyReason.DENY_REASON_UNSPECIFIED };
const deny = (reason: DenyReason) => ({ decision: Decision.DECISION_DENY, reason });

describe('CheckLimit', () => {
  it('admits exactly what a limit holds, however many ask at once', async () => {
    const { keyId } = await declareKey(replica, 'crowd');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 50n });
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => replica.quota.checkLimit(checkOf(keyId))),
    );
    const allowed = answers.filter(({ decision }) => decision === Decision.DECISION_ALLOW);
    expect(allowed).toHaveLength(50);
    const denied = answers.find(({ decision }) => decision === Decision.DECISION_DENY);
    expect(denied).toMatchObject(deny(DenyReason.DENY_REASON_RATE_LIMITED));
    expect(denied?.retryAfter?.seconds).toBeGreaterThan(0n);
  });

  it('also when budgets are asked at the same time', async () => {
    const { keyId } = await declareKey(replica, 'crowd-with-budget');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 50n });
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000_000n });
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => replica.quota.checkLimit(checkOf(keyId))),
    );
    expect(answers.filter(({ decision }) => decision === Decision.DECISION_ALLOW)).toHaveLength(50);
  });

  // Semantics, example 3.
  it('leaves no trace of a denial in any of the policies', async () => {
    const { keyId, teamId } = await declareKey(replica, 'trace');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 10n, name: 'key' });
    const team = await declareLimit(replica, { owner: ofTeam(teamId), maximum: 5n, name: 'team' });
    for (let i = 0; i < 5; i++)
      expect(await replica.quota.checkLimit(checkOf(keyId))).toMatchObject(allow);
    const denied = await replica.quota.checkLimit(checkOf(keyId));
    expect(denied).toMatchObject({
      ...deny(DenyReason.DENY_REASON_RATE_LIMITED),
      bindingPolicyId: team.id,
    });
    expect(denied.statuses.map(({ policyName, remaining }) => [policyName, remaining])).toEqual([
      ['team', 0n],
      ['key', 5n],
    ]);
  });

  it('gives limits back what they took when a budget denies', async () => {
    const { keyId } = await declareKey(replica, 'give-back');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 10n });
    const budget = await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 100n });
    await replica.quota.debitBudget(debitOf(keyId, 'all', { amountNanos: 100n }));
    const denied = await replica.quota.checkLimit(checkOf(keyId));
    expect(denied).toMatchObject({
      ...deny(DenyReason.DENY_REASON_BUDGET_EXHAUSTED),
      bindingPolicyId: budget.id,
      retryAfter: undefined,
      affordableNanos: 0n,
    });
    expect(denied.statuses.map(({ remaining }) => remaining)).toEqual([10n, 0n]);
  });

  // Semantics, example 14.
  it('keeps what was counted when a limit is lowered and raised', async () => {
    const { keyId } = await declareKey(replica, 'change');
    const limit = await declareLimit(replica, { owner: ofKey(keyId), maximum: 100n });
    await replica.quota.checkLimit(checkOf(keyId, { requests: 40n }));
    const set = async (maximum: bigint): Promise<bigint | undefined> => {
      await replica.governance.updateLimit({
        limit: { ...limit, maximum },
        updateMask: ['maximum'],
      });
      const peek = await replica.quota.checkLimit(checkOf(keyId, { requests: 0n }));
      return peek.statuses[0]?.remaining;
    };
    expect(await set(10n)).toBe(0n);
    expect(await set(50n)).toBe(10n);
  });

  it('counts nothing in a dry run', async () => {
    const { keyId } = await declareKey(replica, 'dry');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 1n });
    for (let i = 0; i < 3; i++)
      expect(await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }))).toMatchObject(allow);
    expect(await replica.quota.checkLimit(checkOf(keyId))).toMatchObject(allow);
    expect(await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }))).toMatchObject(
      deny(DenyReason.DENY_REASON_RATE_LIMITED),
    );
  });

  it('reports a shadow limit and is not stopped by it', async () => {
    const { keyId } = await declareKey(replica, 'shadow');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 0n, shadow: true });
    const answer = await replica.quota.checkLimit(checkOf(keyId));
    expect(answer).toMatchObject(allow);
    expect(answer.statuses[0]).toMatchObject({ shadow: true, admits: false });
  });

  it('denies everything under a limit of 0, and says never', async () => {
    const { keyId } = await declareKey(replica, 'zero');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 0n });
    const denied = await replica.quota.checkLimit(checkOf(keyId));
    expect(denied).toMatchObject(deny(DenyReason.DENY_REASON_TOO_LARGE));
    expect(denied.retryAfter).toBeUndefined();
  });

  it('applies a policy only to the calls that match it', async () => {
    const { keyId } = await declareKey(replica, 'match');
    await declareLimit(replica, {
      owner: ofKey(keyId),
      maximum: 0n,
      match: match({ models: ['gpt-*'], labels: { tier: 'free' } }),
    });
    const check = (model: string, labels: Record<string, string>) =>
      replica.quota.checkLimit(checkOf(keyId, { model, labels }));
    expect((await check('gpt-4o', { tier: 'free' })).decision).toBe(Decision.DECISION_DENY);
    expect((await check('gpt-4o', { tier: 'paid' })).decision).toBe(Decision.DECISION_ALLOW);
    expect((await check('claude', { tier: 'free' })).decision).toBe(Decision.DECISION_ALLOW);
  });

  it('follows the calendar of a time zone', async () => {
    const { keyId } = await declareKey(replica, 'calendar');
    await declareLimit(replica, {
      owner: ofKey(keyId),
      algorithm: Algorithm.ALGORITHM_FIXED_WINDOW,
      window: {
        $case: 'calendar',
        value: {
          unit: 5,
          timeZone: 'Europe/Berlin',
          weekStart: 0,
          anchorDay: 0,
          anchorMonth: 0,
        },
      },
    });
    const { statuses } = await replica.quota.checkLimit(checkOf(keyId));
    const start = new Date(Number(statuses[0]?.interval?.start?.seconds) * 1_000);
    const local = new Intl.DateTimeFormat('en', {
      timeZone: 'Europe/Berlin',
      day: 'numeric',
      hour: 'numeric',
      hourCycle: 'h23',
    }).formatToParts(start);
    expect(local.find(({ type }) => type === 'day')?.value).toBe('1');
    expect(Number(local.find(({ type }) => type === 'hour')?.value)).toBe(0);
  });

  it('takes the secret for the id', async () => {
    const { keyId, secret } = await declareKey(replica, 'secret');
    const answer = await replica.quota.checkLimit(
      checkOf('', { subject: { $case: 'virtualKey', value: secret } }),
    );
    expect(answer).toMatchObject({ ...allow, virtualKeyId: keyId });
  });

  it('keeps apart what can be wrong with a key', async () => {
    const past = { seconds: 1n, nanos: 0 };
    await declareKey(replica, 'off', { active: false });
    await declareKey(replica, 'old', { expiresAt: past });
    await declareKey(replica, 'picky', {
      allowedProviders: { names: ['openai'] },
      allowedModels: { names: ['gpt-*'] },
    });
    await declareKey(replica, 'closed', { allowedModels: { names: [] } });
    const reason = async (keyId: string, over = {}) =>
      (await replica.quota.checkLimit(checkOf(keyId, over))).reason;
    expect(await reason('nobody')).toBe(DenyReason.DENY_REASON_KEY_UNKNOWN);
    expect(await reason('off-key')).toBe(DenyReason.DENY_REASON_KEY_INACTIVE);
    expect(await reason('old-key')).toBe(DenyReason.DENY_REASON_KEY_EXPIRED);
    expect(await reason('picky-key', { provider: 'mistral' })).toBe(
      DenyReason.DENY_REASON_PROVIDER_NOT_ALLOWED,
    );
    expect(await reason('picky-key', { model: 'o3' })).toBe(
      DenyReason.DENY_REASON_MODEL_NOT_ALLOWED,
    );
    expect(await reason('picky-key')).toBe(DenyReason.DENY_REASON_UNSPECIFIED);
    expect(await reason('closed-key')).toBe(DenyReason.DENY_REASON_MODEL_NOT_ALLOWED);
  });

  it('decides the items of a batch in order, each by itself', async () => {
    const { keyId } = await declareKey(replica, 'batch');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 2n });
    const checks = [
      checkOf(keyId),
      checkOf('nobody'),
      checkOf(keyId, { requests: -1n }),
      checkOf(keyId),
      checkOf(keyId),
    ];
    const { results } = await replica.quota.batchCheckLimit({ checks });
    expect(results.map(({ result }) => result?.$case)).toEqual([
      'response',
      'response',
      'error',
      'response',
      'response',
    ]);
    const reasons = results.map(({ result }) =>
      result?.$case === 'response' ? result.value.reason : result?.value.code,
    );
    expect(reasons).toEqual([
      DenyReason.DENY_REASON_UNSPECIFIED,
      DenyReason.DENY_REASON_KEY_UNKNOWN,
      status.INVALID_ARGUMENT,
      DenyReason.DENY_REASON_UNSPECIFIED,
      DenyReason.DENY_REASON_RATE_LIMITED,
    ]);
  });

  it('demands a key where it is told to', async () => {
    const strict = await startReplica(database.url, { 'governance.virtualKeyMandatory': true });
    try {
      const answer = await strict.quota.checkLimit(checkOf('', { subject: undefined }));
      expect(answer).toMatchObject(deny(DenyReason.DENY_REASON_KEY_REQUIRED));
    } finally {
      await strict.stop();
    }
    expect(await replica.quota.checkLimit(checkOf('', { subject: undefined }))).toMatchObject(
      allow,
    );
  });
});

describe('DebitBudget', () => {
  // Semantics, example 9.
  it('posts once for 50 callers with one key, and answers all the same', async () => {
    const { keyId } = await declareKey(replica, 'once');
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000n });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => replica.quota.debitBudget(debitOf(keyId, 'same'))),
    );
    expect(new Set(answers.map(({ debitId }) => debitId)).size).toBe(1);
    expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
    const { spend } = await replica.quota.getUsage(usageOf(keyId));
    expect(spend).toMatchObject({ debits: 1n, amountNanos: 100n });
  });

  it('posts once through two replicas on one database', async () => {
    const { keyId } = await declareKey(replica, 'twice');
    const other = await startReplica(database.url);
    try {
      const answers = await Promise.all([
        replica.quota.debitBudget(debitOf(keyId, 'same')),
        other.quota.debitBudget(debitOf(keyId, 'same')),
      ]);
      expect(answers.filter(({ replayed }) => replayed)).toHaveLength(1);
      expect(answers[0].debitId).toBe(answers[1].debitId);
    } finally {
      await other.stop();
    }
  });

  it('refuses another body under a used key, and posts nothing', async () => {
    const { keyId } = await declareKey(replica, 'body');
    await replica.quota.debitBudget(debitOf(keyId, 'k'));
    const refused = await failure(
      replica.quota.debitBudget(debitOf(keyId, 'k', { amountNanos: 101n })),
    );
    expect(refused.code).toBe(status.ALREADY_EXISTS);
    expect(refused.details.violations).toMatchObject([{ field: 'idempotency_key' }]);
    expect((await replica.quota.getUsage(usageOf(keyId))).spend?.amountNanos).toBe(100n);
  });

  // Semantics, example 10.
  it('rounds pico to nano once for each debit, half up', async () => {
    const { keyId } = await declareKey(replica, 'round');
    await replica.governance.createPrice({
      price: priceOf({ provider: 'odd', model: 'odd', inputPicoUsdPerToken: 142_857n }),
    });
    const debit = async (key: string, input: bigint) => {
      const usage = { input, cachedInput: 0n, output: 0n, reasoning: 0n };
      const over = { provider: 'odd', model: 'odd', amountNanos: undefined, usage };
      return replica.quota.debitBudget(debitOf(keyId, key, over));
    };
    const seven = await debit('seven', 7n);
    expect(seven).toMatchObject({ amountNanos: 1_000n, priceRevision: 1 });
    expect(seven.priceId).not.toBe('');
    const ones = await Promise.all(Array.from({ length: 7 }, (_, i) => debit(`one ${i}`, 1n)));
    expect(ones.map(({ amountNanos }) => amountNanos)).toEqual(
      Array.from({ length: 7 }, () => 143n),
    );
    expect((await replica.quota.getUsage(usageOf(keyId))).spend?.amountNanos).toBe(2_001n);
  });

  it('needs an amount where no price is known', async () => {
    const { keyId } = await declareKey(replica, 'unpriced');
    const usage = { input: 5n, cachedInput: 0n, output: 0n, reasoning: 0n };
    const over = { provider: 'nowhere', amountNanos: undefined, usage };
    const refused = await failure(replica.quota.debitBudget(debitOf(keyId, 'k', over)));
    expect(refused.code).toBe(status.FAILED_PRECONDITION);
    expect(refused.message).toContain('nowhere');
    const answer = await replica.quota.debitBudget(debitOf(keyId, 'k', { provider: 'nowhere' }));
    expect(answer.amountNanos).toBe(100n);
  });

  it('takes a budget below zero, and the next check denies', async () => {
    const { keyId } = await declareKey(replica, 'below');
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000n });
    const over = await replica.quota.debitBudget(debitOf(keyId, 'k', { amountNanos: 1_250n }));
    expect(over.statuses[0]?.remaining).toBe(-250n);
    expect(await replica.quota.checkLimit(checkOf(keyId))).toMatchObject(
      deny(DenyReason.DENY_REASON_BUDGET_EXHAUSTED),
    );
  });

  it('posts to every budget that matches, up to the customer', async () => {
    const { keyId, teamId, customerId } = await declareKey(replica, 'levels');
    await declareBudget(replica, { owner: ofKey(keyId), name: 'key' });
    await declareBudget(replica, { owner: ofTeam(teamId), name: 'team' });
    await declareBudget(replica, { owner: ofCustomer(customerId), name: 'customer' });
    await declareBudget(replica, {
      owner: ofTeam(teamId),
      name: 'other',
      match: match({ providers: ['mistral'] }),
    });
    const { statuses } = await replica.quota.debitBudget(debitOf(keyId, 'k'));
    const seen = new Map(statuses.map(({ policyName, remaining }) => [policyName, remaining]));
    expect(seen).toEqual(
      new Map([
        ['customer', 900n],
        ['team', 900n],
        ['key', 900n],
      ]),
    );
  });

  it('keeps sums beyond int64 out of the ledger', async () => {
    const { keyId } = await declareKey(replica, 'edge');
    const max = 9_223_372_036_854_775_807n;
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: max });
    await replica.quota.debitBudget(debitOf(keyId, 'max', { amountNanos: max }));
    const refused = await failure(
      replica.quota.debitBudget(debitOf(keyId, 'one more', { amountNanos: 1n })),
    );
    expect(refused.code).toBe(status.OUT_OF_RANGE);
    expect((await replica.quota.getUsage(usageOf(keyId))).spend?.debits).toBe(1n);
  });

  it('knows no such key, and takes the debit of one that was switched off', async () => {
    const unknown = await failure(replica.quota.debitBudget(debitOf('nobody', 'k')));
    expect(unknown.code).toBe(status.NOT_FOUND);
    const { keyId } = await declareKey(replica, 'late', { active: false });
    expect((await replica.quota.debitBudget(debitOf(keyId, 'k'))).replayed).toBe(false);
  });

  it('counts the limits if it is asked to, and only once', async () => {
    const { keyId } = await declareKey(replica, 'count');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 3n });
    for (let i = 0; i < 2; i++)
      await replica.quota.debitBudget(debitOf(keyId, 'k', { countLimits: true }));
    const { statuses } = await replica.quota.checkLimit(checkOf(keyId, { requests: 0n }));
    expect(statuses[0]?.remaining).toBe(2n);
  });

  it('posts a batch in order, and fails only the items that are wrong', async () => {
    const { keyId } = await declareKey(replica, 'debit-batch');
    const debits = [
      debitOf(keyId, 'a'),
      debitOf(keyId, 'a'),
      debitOf(keyId, 'a', { amountNanos: 7n }),
      debitOf('nobody', 'b'),
      debitOf(keyId, ''),
      debitOf(keyId, 'c'),
    ];
    const { results } = await replica.quota.batchDebitBudget({ debits });
    const seen = results.map(({ result }) =>
      result?.$case === 'response' ? result.value.replayed : result?.value.code,
    );
    expect(seen).toEqual([
      false,
      true,
      status.ALREADY_EXISTS,
      status.NOT_FOUND,
      status.INVALID_ARGUMENT,
      false,
    ]);
    expect((await replica.quota.getUsage(usageOf(keyId))).spend).toMatchObject({
      debits: 2n,
      amountNanos: 200n,
    });
  });
});

describe('bad input', () => {
  it.each([
    ['amount_nanos', { amountNanos: -1n }],
    ['requests', { requests: 1n << 40n }],
    ['provider', { provider: 'p'.repeat(1 << 20) }],
    ['model', { model: 'a\0b' }],
    [
      'labels',
      { labels: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`${i}`, ''])) },
    ],
    ['virtual_key', { subject: { $case: 'virtualKey' as const, value: '' } }],
  ])('names %s', async (field, over) => {
    const refused = await failure(replica.quota.checkLimit(checkOf('x', over)));
    expect(refused.code).toBe(status.INVALID_ARGUMENT);
    expect(refused.details.violations.map((violation) => violation.field)).toContain(field);
  });

  it('refuses a batch of nothing and one of too much', async () => {
    const none = await failure(replica.quota.batchCheckLimit({ checks: [] }));
    expect(none.code).toBe(status.INVALID_ARGUMENT);
    const checks = Array.from({ length: 1_001 }, () => checkOf('x'));
    expect((await failure(replica.quota.batchCheckLimit({ checks }))).code).toBe(
      status.INVALID_ARGUMENT,
    );
  });

  it('takes emoji, right-to-left text and the edge of int64', async () => {
    const { keyId } = await declareKey(replica, 'text');
    const answer = await replica.quota.checkLimit(
      checkOf(keyId, {
        labels: { 'צוות 🚀': 'مرحبا' },
        amountNanos: 9_223_372_036_854_775_807n,
      }),
    );
    expect(answer).toMatchObject(allow);
  });

  it.each([
    ['0', { seconds: 0n, nanos: 0 }],
    ['1 ms', { seconds: 0n, nanos: 1_000_000 }],
    ['100 years', { seconds: 3_155_760_000n, nanos: 0 }],
  ])('refuses a window of %s', async (_name, value) => {
    const limit = limitOf({ window: { $case: 'duration', value } });
    const refused = await failure(replica.governance.createLimit({ limit }));
    expect(refused.code).toBe(status.INVALID_ARGUMENT);
    expect(refused.details.violations[0]?.field).toContain('duration');
  });
});

describe('GetUsage', () => {
  it('sums up the debits of a key, a team and a customer', async () => {
    const { keyId, teamId, customerId } = await declareKey(replica, 'usage');
    const usage = { input: 1n, cachedInput: 2n, output: 3n, reasoning: 4n };
    await replica.quota.debitBudget(debitOf(keyId, 'a', { usage }));
    await replica.quota.debitBudget(debitOf(keyId, 'b', { usage }));
    const expected = {
      debits: 2n,
      amountNanos: 200n,
      usage: { input: 2n, cachedInput: 4n, output: 6n, reasoning: 8n },
    };
    for (const owner of [ofKey(keyId), ofTeam(teamId), ofCustomer(customerId)]) {
      const { spend } = await replica.quota.getUsage({
        subject: { $case: 'owner', value: owner },
        interval: undefined,
        group: {},
      });
      expect(spend).toEqual(expected);
    }
  });

  it('sums up an interval only', async () => {
    const { keyId } = await declareKey(replica, 'interval');
    await replica.quota.debitBudget(debitOf(keyId, 'a'));
    const past = { start: { seconds: 0n, nanos: 0 }, end: { seconds: 1n, nanos: 0 } };
    const { spend } = await replica.quota.getUsage({ ...usageOf(keyId), interval: past });
    expect(spend?.debits).toBe(0n);
  });

  it('knows no such owner', async () => {
    const refused = await failure(
      replica.quota.getUsage({
        subject: { $case: 'owner', value: ofTeam('nowhere') },
        interval: undefined,
        group: {},
      }),
    );
    expect(refused.code).toBe(status.NOT_FOUND);
  });
});

const usageOf = (keyId: string) => ({
  subject: { $case: 'virtualKeyId' as const, value: keyId },
  interval: undefined,
  group: {},
});
