import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DebitBudgetResponse } from '../../src/gen/weir/v1/quota_service.js';
import { checkOf, debitOf, declareBudget, declareKey, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

let database: TestDatabase;
let replicas: readonly [Replica, Replica];

beforeAll(async () => {
  database = await createTestDatabase();
  replicas = [await startReplica(database.url), await startReplica(database.url)];
});

afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await database?.drop();
});

/** A key with a budget of 100 nano-USD, which both replicas know. */
async function watchedKey(name: string, thresholdPercents: number[]): Promise<string> {
  const [first, second] = replicas;
  const { keyId } = await declareKey(first, name);
  const owner = ofKey(keyId);
  const id = `${keyId}-budget`;
  await declareBudget(first, { id, owner, amountNanos: 100n, thresholdPercents });
  const subject = { $case: 'virtualKeyId' as const, value: keyId };
  await eventually('the other replica knows the budget', async () => {
    const { statuses } = await second.quota.getUsage({ subject, interval: undefined, group: {} });
    return statuses.some(({ policyId }) => policyId === id);
  });
  return keyId;
}

const percents = ({ crossedThresholds }: DebitBudgetResponse): readonly number[] =>
  crossedThresholds.map(({ percent }) => percent);

describe('a threshold', () => {
  it('is told by the debit that crosses it, and again when that debit is repeated', async () => {
    const [{ quota }] = replicas;
    const keyId = await watchedKey('told', []);
    const first = await quota.debitBudget(debitOf(keyId, 'a', { amountNanos: 49n }));
    const second = await quota.debitBudget(debitOf(keyId, 'b', { amountNanos: 40n }));
    const budgetId = `${keyId}-budget`;
    expect(percents(first)).toEqual([]);
    expect(second.crossedThresholds).toEqual([
      { budgetId, percent: 50 },
      { budgetId, percent: 80 },
    ]);
    const again = await quota.debitBudget(debitOf(keyId, 'b', { amountNanos: 40n }));
    expect(again).toMatchObject({ replayed: true, crossedThresholds: second.crossedThresholds });
    const last = await quota.debitBudget(debitOf(keyId, 'c', { amountNanos: 500n }));
    expect(percents(last)).toEqual([100]);
    expect(percents(await quota.debitBudget(debitOf(keyId, 'd')))).toEqual([]);
  });

  it('is crossed once by 50 callers through two replicas', async () => {
    const keyId = await watchedKey('crowd', [20, 50, 80, 100]);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => {
        const { quota } = replicas[i % 2] ?? replicas[0];
        return quota.debitBudget(debitOf(keyId, `d${i}`, { amountNanos: 3n }));
      }),
    );
    expect(answers.flatMap(percents).sort((a, b) => a - b)).toEqual([20, 50, 80, 100]);
  });

  it('is a share of the limit with its grants, and of money posted, not of money held', async () => {
    const [{ quota, governance }] = replicas;
    const keyId = await watchedKey('granted', [50]);
    const grant = {
      id: '',
      budgetId: `${keyId}-budget`,
      amountNanos: 100n,
      startsAt: undefined,
      endsAt: { seconds: BigInt(Math.floor(Date.now() / 1_000) + 3_600), nanos: 0 },
      reason: 'launch',
      actor: 'test',
      createdAt: undefined,
    };
    await governance.createGrant({ grant });
    await quota.checkLimit(checkOf(keyId, { reservationKey: 'held', amountNanos: 100n }));
    expect(percents(await quota.debitBudget(debitOf(keyId, 'a', { amountNanos: 60n })))).toEqual(
      [],
    );
    const settle = debitOf(keyId, 'b', {
      amountNanos: 40n,
      reservation: { $case: 'reservationKey', value: 'held' },
    });
    expect(percents(await quota.debitBudget(settle))).toEqual([50]);
  });
});
