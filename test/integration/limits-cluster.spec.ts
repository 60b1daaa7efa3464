import { afterAll, beforeAll, it } from '@jest/globals';
import { Unit } from '../../src/gen/weir/v1/common.js';
import { Algorithm } from '../../src/gen/weir/v1/governance_service.js';
import {
  checkOf,
  debitOf,
  declareBudget,
  declareKey,
  declareLimit,
  ofKey,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

/** A call that one replica admits and another one settles. */
const CLUSTERED = {
  'cluster.enabled': true,
  'cluster.gossip.bindHost': '127.0.0.1',
  'cluster.gossip.port': 0,
  'cluster.grpc.host': '127.0.0.1',
  'cluster.grpc.port': 0,
  'cluster.gossip.keys': [Buffer.alloc(32, 3).toString('base64')],
};

let database: TestDatabase;
let here: Replica;
let there: Replica;

beforeAll(async () => {
  database = await createTestDatabase();
  here = await startReplica(database.url, { ...CLUSTERED, 'cluster.nodeName': 'here' });
  const { self } = await here.cluster.getReplicaStatus({});
  const peers = [self?.address ?? ''];
  const settings = { ...CLUSTERED, 'cluster.nodeName': 'there', 'cluster.peers': peers };
  there = await startReplica(database.url, settings);
});

afterAll(async () => {
  await there?.stop();
  await here?.stop();
  await database?.drop();
});

const DAY = { $case: 'duration', value: { seconds: 86_400n, nanos: 0 } } as const;
const HOLD = { $case: 'hold', value: { ttl: { seconds: 600n, nanos: 0 } } } as const;

it('limits in tokens and of places are corrected wherever the call is settled', async () => {
  const { keyId } = await declareKey(here, 'roaming');
  const owner = ofKey(keyId);
  const unit = Unit.UNIT_TOKENS;
  await declareLimit(here, { id: 'roaming-1', owner, unit, window: DAY, maximum: 1_000n });
  const algorithm = Algorithm.ALGORITHM_CONCURRENCY;
  await declareLimit(here, { id: 'roaming-2', owner, algorithm, window: HOLD, maximum: 2n });
  await declareBudget(here, { id: 'roaming-3', owner, amountNanos: 1_000_000n });
  const left = async (replica: Replica): Promise<string> => {
    const { statuses } = await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }));
    return statuses.map(({ remaining }) => remaining).join(' ');
  };
  const becomes = (replica: Replica, wanted: string): Promise<void> =>
    eventually(`what is left is ${wanted}`, async () => (await left(replica)) === wanted);

  const call = { noHold: false, reservationKey: 'a', tokens: 300n, amountNanos: 500n };
  const { reservationId } = await here.quota.checkLimit(checkOf(keyId, call));
  await becomes(here, '700 1 999500');
  await becomes(there, '700 1 999500');
  await there.quota.debitBudget(
    debitOf(keyId, 'settle', {
      amountNanos: 100n,
      usage: { input: 0n, cachedInput: 0n, output: 50n, reasoning: 0n },
      reservation: { $case: 'reservationId', value: reservationId },
    }),
  );
  await becomes(there, '950 2 999900');
  await becomes(here, '950 2 999900');
});
