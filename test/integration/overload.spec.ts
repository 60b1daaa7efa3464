import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { service as healthService } from 'grpc-health-check';
import { Algorithm } from '../../src/gen/weir/v1/governance_service.js';
import {
  type BatchCheckLimitRequest,
  type CheckLimitResponse,
  Decision,
} from '../../src/gen/weir/v1/quota_service.js';
import { GrpcCallError } from '../../src/rpc/grpc-client.js';
import { checkOf, debitOf, declareKey, declareLimit, ofKey } from '../support/declare.js';
import { whileBlocked } from '../support/blocked-loop.js';
import { eventually } from '../support/eventually.js';
import { leavesNothing } from '../support/leaks.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

/** Easily overwhelmed, so that the database is still heard while it is, and soon calm, on a busy machine too. */
const TOUCHY = {
  'overload.shed': true,
  'overload.targetLagMs': 20,
  'overload.intervalMs': 30,
  'overload.factLagMs': 600_000,
  // Its loop is blocked most of the time: answers of the database and of the disk come late.
  'journal.ledgerMaxWaitMs': 120_000,
  'journal.fsyncMaxWaitMs': 120_000,
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
    120_000,
  );

/** Of a turn of the loop while it is blocked: longer than is allowed. */
const TURN_MS = 40;

const batch = () => ({ checks: Array.from({ length: 100 }, () => checkOf(keyId)) });

/** What became of batches. */
interface Flood {
  readonly errors: readonly GrpcCallError[];
  /** Checks that were allowed. */
  readonly allowed: number;
  /** What they hold. */
  readonly reservationIds: readonly string[];
}

/** Sends batches, ten at a time, until one is turned away, and awaits them all. */
async function flood(request: () => BatchCheckLimitRequest = batch): Promise<Flood> {
  const errors: GrpcCallError[] = [];
  const allowed: CheckLimitResponse[] = [];
  const deadline = performance.now() + 60_000;
  const send = async (): Promise<void> => {
    const { results } = await replica.quota.batchCheckLimit(request(), { deadlineMs: 60_000 });
    for (const { result } of results)
      if (result?.$case === 'response' && result.value.decision === Decision.DECISION_ALLOW)
        allowed.push(result.value);
  };
  const worker = async (): Promise<void> => {
    while (errors.length === 0 && performance.now() < deadline)
      await send().catch((error) => {
        if (!(error instanceof GrpcCallError)) throw error;
        errors.push(error);
      });
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  const reservationIds = allowed
    .map(({ reservationId }) => reservationId)
    .filter((id) => id !== '');
  return { errors, allowed: allowed.length, reservationIds };
}

const release = (virtualKeyId: string, reservationId: string) =>
  replica.quota.releaseReservation({
    subject: { $case: 'virtualKeyId', value: virtualKeyId },
    reservation: { $case: 'reservationId', value: reservationId },
    refund: false,
  });

async function remaining(): Promise<number> {
  const { statuses } = await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }));
  return Number(statuses[0]?.remaining ?? 0n);
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
    const errors = await whileBlocked(TURN_MS, async () => {
      const before = await flood();
      const debits = Array.from({ length: 5 }, (_, i) =>
        replica.quota.debitBudget(debitOf(keyId, `flood-${i}`), { deadlineMs: 120_000 }),
      );
      expect((await Promise.all(debits)).length).toBe(5);
      expect(await healthStatus()).toMatchObject({ status: 'SERVING' });
      const after = await flood();
      return [...before.errors, ...after.errors];
    });
    expect(errors.map(({ code }) => code)).toContain(status.RESOURCE_EXHAUSTED);
    for (const { message, details } of errors) {
      expect(message).toContain('overloaded');
      expect(details.retryAfterMs).toBeGreaterThanOrEqual(30);
    }
    const turnedAway =
      /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="overload"\} (\d+)/;
    expect(await metric(turnedAway)).toBe(errors.length);
    expect(await metric(/weir_event_loop_lag_seconds_count (\d+)/)).toBeGreaterThan(0);
  });

  it('takes all calls again once it is no longer', async () => {
    await atRest();
    const { decision } = await replica.quota.checkLimit(checkOf(keyId));
    expect(decision).toBe(Decision.DECISION_ALLOW);
  });

  it('counts nothing for a call that it turned away, nor for one whose deadline has passed', async () => {
    const before = await remaining();
    const admitted = await whileBlocked(TURN_MS, async () => {
      const { allowed } = await flood();
      const calls = Array.from({ length: 40 }, () =>
        replica.quota.batchCheckLimit(batch(), { deadlineMs: 40 }).then(
          () => 100,
          () => 0,
        ),
      );
      return allowed + (await Promise.all<number>(calls)).reduce((sum, n) => sum + n, 0);
    });
    const late = /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="deadline"\} (\d+)/;
    const overload =
      /weir_calls_turned_away_total\{method="BatchCheckLimit",cause="overload"\} (\d+)/;
    const ok = /weir_grpc_requests_total\{method="BatchCheckLimit",code="OK"\} (\d+)/;
    await atRest();
    expect((await metric(late)) + (await metric(overload))).toBeGreaterThan(0);
    const counted = before - (await remaining());
    expect(counted).toBeGreaterThanOrEqual(admitted);
    expect(counted % 100).toBe(0);
    expect(counted).toBeLessThanOrEqual(100 * (await metric(ok)));
  });

  it('leaves nothing behind: no count, no hold, no memory', async () => {
    const { keyId: crowd } = await declareKey(replica, 'crowd');
    await declareLimit(replica, {
      owner: ofKey(crowd),
      maximum: 20n,
      algorithm: Algorithm.ALGORITHM_CONCURRENCY,
      window: { $case: 'hold', value: { ttl: { seconds: 600n, nanos: 0 } } },
    });
    const checks = [
      ...batch().checks.slice(50),
      ...Array.from({ length: 50 }, () => checkOf(crowd)),
    ];
    const wave = async (): Promise<void> => {
      const before = await remaining();
      // Until it is overloaded there are some that are taken, and hold what there is.
      const { errors, allowed, reservationIds } = await whileBlocked(TURN_MS, () =>
        flood(() => ({ checks })),
      );
      expect(errors.map(({ code }) => code)).toContain(status.RESOURCE_EXHAUSTED);
      await atRest();
      expect(before - (await remaining())).toBe(allowed);
      expect(reservationIds.length).toBe(20);
      expect(await metric(/^weir_counters_holds (\d+)/m)).toBe(20);
      for (const reservationId of reservationIds) await release(crowd, reservationId);
      expect(await metric(/^weir_counters_holds (\d+)/m)).toBe(0);
    };
    await leavesNothing({ warm: wave, run: wave, stop: async () => undefined });
  });
});
