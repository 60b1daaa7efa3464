import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { service as healthService } from 'grpc-health-check';
import { Decision } from '../../src/gen/weir/v1/quota_service.js';
import { GrpcCallError } from '../../src/rpc/grpc-client.js';
import { checkOf, debitOf, declareKey, declareLimit } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

/** Easily overwhelmed, so that a laptop can do it. */
const TOUCHY = {
  'overload.shed': true,
  'overload.targetLagMs': 60,
  'overload.intervalMs': 200,
  'overload.factLagMs': 600_000,
};

let database: TestDatabase;
let replica: Replica;
let keyId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url, TOUCHY);
  ({ keyId } = await declareKey(replica, 'acme'));
  await declareLimit(replica, { maximum: 1_000_000_000n });
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
});

async function metric(pattern: RegExp): Promise<number> {
  const text = await (await replica.get('/metrics')).text();
  return Number(pattern.exec(text)?.[1] ?? 0);
}

const atRest = (): Promise<void> =>
  eventually(
    'the load is over',
    async () => (await metric(/^weir_overloaded (\d)/m)) === 0,
    60_000,
  );

/** A batch is a long turn of the loop, and there is always another one waiting. */
const batch = () => ({ checks: Array.from({ length: 1_000 }, () => checkOf(keyId)) });

/** Sends batches, thirty at a time, until one is turned away; gives the errors that there were. */
async function flood(): Promise<readonly GrpcCallError[]> {
  const errors: GrpcCallError[] = [];
  const deadline = performance.now() + 40_000;
  const worker = async (): Promise<void> => {
    while (errors.length === 0 && performance.now() < deadline)
      await replica.quota.batchCheckLimit(batch(), { deadlineMs: 60_000 }).catch((error) => {
        if (!(error instanceof GrpcCallError)) throw error;
        errors.push(error);
      });
  };
  await Promise.all(Array.from({ length: 30 }, worker));
  return errors;
}

function healthStatus(): Promise<unknown> {
  const client = new Client(replica.service.grpcAddress, credentials.createInsecure());
  const { Check: check } = healthService;
  if (check === undefined) throw new Error('no health service');
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      check.path,
      check.requestSerialize,
      check.responseDeserialize,
      { service: '' },
      (error, answer) => {
        client.close();
        if (error) reject(error);
        else resolve(answer);
      },
    );
  });
}

describe('a replica that is overloaded', () => {
  it('turns questions away with a time to ask again, takes facts, and says that it lives', async () => {
    const flooding = flood();
    const debits = Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        replica.quota.debitBudget(debitOf(keyId, `flood-${i}`), { deadlineMs: 60_000 }),
      ),
    );
    const errors = await flooding;
    expect(errors.map(({ code }) => code)).toContain(status.RESOURCE_EXHAUSTED);
    for (const { message, details } of errors) {
      expect(message).toContain('overloaded');
      expect(details.retryAfterMs).toBeGreaterThanOrEqual(200);
    }
    expect((await debits).length).toBe(5);
    expect(await healthStatus()).toMatchObject({ status: 'SERVING' });
    const turnedAway =
      /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="overload"\} (\d+)/;
    expect(await metric(turnedAway)).toBe(errors.length);
    expect(await metric(/weir_event_loop_lag_seconds_count (\d+)/)).toBeGreaterThan(0);
  }, 90_000);

  it('takes all calls again once it is no longer', async () => {
    await atRest();
    const { decision } = await replica.quota.checkLimit(checkOf(keyId));
    expect(decision).toBe(Decision.DECISION_ALLOW);
  }, 90_000);

  it('counts nothing for a call that it turned away, nor for one whose deadline has passed', async () => {
    const remaining = async () =>
      (await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }))).statuses[0]?.remaining;
    const before = await remaining();
    let admitted = 0n;
    const calls = Array.from({ length: 40 }, () =>
      replica.quota.batchCheckLimit(batch(), { deadlineMs: 40 }).then(
        () => (admitted += 1_000n),
        () => 0n,
      ),
    );
    await Promise.all(calls);
    const late = /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="deadline"\} (\d+)/;
    const overload =
      /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="overload"\} (\d+)/;
    const ok = /weir_grpc_requests_total\{method="BatchCheckLimit",code="OK"\} (\d+)/;
    await atRest();
    expect((await metric(late)) + (await metric(overload))).toBeGreaterThan(0);
    const counted = Number((before ?? 0n) - ((await remaining()) ?? 0n));
    expect(counted).toBeGreaterThanOrEqual(Number(admitted));
    expect(counted % 1_000).toBe(0);
    expect(counted).toBeLessThanOrEqual(1_000 * (await metric(ok)));
  }, 90_000);
});
