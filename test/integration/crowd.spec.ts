import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CrowdProcess } from '../support/crowd-process.js';
import { declareBudget, declareKey, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

const PROCESSES = 3;
const HOLDS = 200;
const ROOM = 50;
const RUNS = Number(process.env['CROWD_RUNS'] ?? 20);

let database: TestDatabase;
let replicas: readonly Replica[] = [];
let clients: readonly CrowdProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  replicas = [await startReplica(database.url), await startReplica(database.url)];
  clients = Array.from({ length: PROCESSES }, () => new CrowdProcess());
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await Promise.all(replicas.map((replica) => replica.stop()));
  await database?.drop();
});

describe(`${HOLDS} holds at once from ${PROCESSES} processes on a budget for ${ROOM}`, () => {
  it.each([1, 2])(
    `are allowed exactly ${ROOM} times through %i replicas, ${RUNS} times out of ${RUNS}`,
    async (count) => {
      const through = replicas.slice(0, count);
      const addresses = through.map(({ service }) => service.grpcAddress);
      const [first] = replicas;
      if (first === undefined) throw new Error('no replica');
      const { keyId } = await declareKey(first, `crowd-${count}`);
      const seen: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const model = `model-${run}`;
        seen.push(await oneRun(first, through, { addresses, keyId, model }));
      }
      expect(seen).toEqual(Array.from({ length: RUNS }, () => ROOM));
    },
    300_000,
  );
});

interface Round {
  readonly addresses: readonly string[];
  readonly keyId: string;
  readonly model: string;
}

/** A budget of its own for each run, which every replica knows before the crowd is let in. */
async function oneRun(
  first: Replica,
  through: readonly Replica[],
  { addresses, keyId, model }: Round,
): Promise<number> {
  const budget = await declareBudget(first, {
    owner: ofKey(keyId),
    amountNanos: BigInt(ROOM),
  });
  for (const replica of through)
    await eventually('the replica knows the budget', async () => {
      const { statuses } = await replica.quota.getUsage({
        subject: { $case: 'virtualKeyId', value: keyId },
        interval: undefined,
        group: {},
      });
      return statuses.some(({ policyId }) => policyId === budget.id);
    });
  const shares = [HOLDS / 4, HOLDS / 4, HOLDS / 2];
  const answers = await Promise.all(
    clients.map((client, i) =>
      client.run({ addresses, keyId, name: model, holds: shares[i] ?? 0 }),
    ),
  );
  await first.governance.deleteBudget({ id: budget.id });
  for (const replica of through)
    await eventually('the replica has forgotten the budget', async () => {
      const { statuses } = await replica.quota.getUsage({
        subject: { $case: 'virtualKeyId', value: keyId },
        interval: undefined,
        group: {},
      });
      return statuses.length === 0;
    });
  expect(answers.map(({ failed }) => failed)).toEqual(answers.map(() => 0));
  return answers.reduce((sum, { allowed }) => sum + allowed.length, 0);
}
