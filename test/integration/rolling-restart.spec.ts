/**
 * Goal: to replace all replicas of a cluster one after the other, as every deploy does, costs nothing: no
 * debit, no second allowance, and no place of a call that has ended. Method: three processes at addresses that stay, and callers that know
 * nothing of the restarts and call whatever listens there.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { Algorithm } from '../../src/gen/weir/v1/governance_service.js';
import { Decision } from '../../src/gen/weir/v1/quota_service.js';
import { type Admission, Admissions } from '../support/chaos/admissions.js';
import { Caller, type CallerListener } from '../support/chaos/caller.js';
import { FaultJournal } from '../support/chaos/fault-journal.js';
import { MoneyAccount } from '../support/chaos/money-account.js';
import {
  budgetOf,
  checkOf,
  debitOf,
  declareKey,
  limitOf,
  LONG_WINDOW_MS,
  ofKey,
} from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { loopbackMachines, ProcessCluster } from '../support/process-cluster.js';

const SLOTS = ['a', 'b', 'c'] as const;
/** All restarts lie in one window; so small that it is used up before the first. */
const MAXIMUM = 60;
const LIMITED = 'limited-key';
const PRICED = 'priced-key';
/** The sync interval, and what a machine without a free core may keep a message waiting. */
const WAY_MS = 50 + 1_000;
/** Silence of one that is heard, where an answer does not tell it because another one has just come. */
const HEARTBEAT_MS = 250;
/** Calls that are answered between two steps, at least. */
const PROGRESS = 40;
/** Calls that may be under way at once. */
const PLACES = 4;
const OLD_CALLS = Array.from({ length: PLACES }, (_, n) => `old ${n}`);
const ALL_BUT_THE_LAST = [
  ...OLD_CALLS.map(() => Decision.DECISION_ALLOW),
  Decision.DECISION_DENY,
] as const;

const folder = mkdtempSync(join(tmpdir(), 'weir-rolling-'));
let database: TestDatabase;
let cluster: ProcessCluster;

/** What callers came to know, and how much of it. */
class Record implements CallerListener {
  /** What keeps this process waiting keeps the others, too. */
  private readonly stalls = monitorEventLoopDelay({ resolution: 10 });
  readonly journal = new FaultJournal({
    wayMs: () => WAY_MS + this.stalls.max / 1e6,
    untoldNewsMs: HEARTBEAT_MS,
  });
  readonly account = new MoneyAccount();
  readonly admissions = new Admissions(
    { maximum: MAXIMUM, windowMs: LONG_WINDOW_MS },
    this.journal,
  );
  answered = 0;

  constructor() {
    this.stalls.enable();
  }

  admitted(admission: Admission): void {
    this.answered += 1;
    if (admission.limit === LIMITED) this.admissions.add(admission);
  }

  denied(): void {
    this.answered += 1;
  }

  failed(): void {
    // It finds another replica with its next call.
  }

  attempted(idempotencyKey: string, amountNanos: bigint): void {
    this.account.attempted.set(idempotencyKey, amountNanos);
  }

  acknowledged(idempotencyKey: string): void {
    this.account.acknowledged.add(idempotencyKey);
  }

  async goesOn(): Promise<void> {
    const wanted = this.answered + PROGRESS;
    await eventually('callers are answered', () => this.answered >= wanted, 60_000);
  }
}

beforeAll(async () => {
  database = await createTestDatabase();
  const machines = loopbackMachines(SLOTS);
  cluster = new ProcessCluster({ folder, databaseUrl: database.url, machines });
});

afterAll(async () => {
  await cluster?.stop();
  await database?.drop();
  removeFolderSync(folder);
});

it('a replica that is not ready answers no check, and says so', async () => {
  // It looks for others for some seconds, and there are none yet.
  const started = cluster.start('a');
  const { quota } = cluster.connection('a');
  await eventually(
    'it turns a check away',
    async () => (await failure(quota.checkLimit(checkOf('a key')))).message.includes('not ready'),
    60_000,
  );
  await started;
  expect((await quota.checkLimit(checkOf('a key'))).decision).toBe(Decision.DECISION_DENY);
});

it('a restart of all replicas, one by one, loses no debit and gives no second allowance', async () => {
  const record = new Record();
  for (const slot of SLOTS) record.journal.started(slot, Date.now());
  await cluster.start('b');
  await cluster.start('c');
  await cluster.whole();
  await declare();
  const caller = new Caller(
    {
      name: 'caller',
      replicas: cluster.addresses,
      keys: [LIMITED, PRICED],
      pricedKeys: [PRICED],
      callsPerSecond: 80,
      seed: 1,
    },
    record,
  );
  caller.start();
  try {
    for (const slot of SLOTS) {
      await record.goesOn();
      expect(await cluster.end(slot, 'SIGTERM')).toBe(0);
      await record.goesOn();
      record.journal.started(slot, Date.now());
      await cluster.start(slot);
      await cluster.whole();
    }
    await record.goesOn();
  } finally {
    await caller.stop();
  }
  await expectTruth(record);
}, 300_000);

it('calls that outlive their replica free their places when they are settled', async () => {
  // One meets limits alone, which keep its reservations in memory; the ledger keeps those of the other.
  const keys = ['calling-key', 'paying-key'] as const;
  for (const keyId of keys) await declareCalls(keyId);
  const budget = budgetOf({ owner: ofKey('paying-key'), amountNanos: 1n << 60n });
  await cluster.connection('a').governance.createBudget({ budget });
  await knownEverywhere('paying-key', 2);

  const ids = new Map<string, string>();
  for (const keyId of keys)
    for (const name of OLD_CALLS) {
      const { reservationId } = await quotaOf('a').checkLimit(call(keyId, name));
      ids.set(`${keyId} ${name}`, reservationId);
    }
  await agree(keys, 0);
  expect(await cluster.end('a', 'SIGTERM')).toBe(0);
  await agree(keys, 0);
  for (const keyId of keys)
    for (const [n, name] of OLD_CALLS.entries()) {
      // Callers know a reservation by either name.
      const id = ids.get(`${keyId} ${name}`) ?? '';
      const reservation =
        n % 2 === 0
          ? ({ $case: 'reservationId', value: id } as const)
          : ({ $case: 'reservationKey', value: name } as const);
      const settled = await quotaOf('b').debitBudget(debitOf(keyId, name, { reservation }));
      expect(settled).toMatchObject({ replayed: false, late: false });
    }
  await agree(keys, PLACES);
  for (const keyId of keys) expect(await decisionsAt('c', keyId)).toEqual(ALL_BUT_THE_LAST);
}, 180_000);

const quotaOf = (slot: string) => cluster.connection(slot).quota;

/** The replicas that remain see so many places free. */
async function agree(keys: readonly string[], free: number): Promise<void> {
  const freeAt = async (slot: string, keyId: string): Promise<number> => {
    const { statuses } = await quotaOf(slot).checkLimit(checkOf(keyId, { dryRun: true }));
    return Number(statuses.find(({ policyId }) => policyId === `${keyId}-limit`)?.remaining);
  };
  for (const keyId of keys)
    for (const slot of ['b', 'c'])
      await eventually(
        `${free} places of ${keyId} are free at ${slot}`,
        async () => (await freeAt(slot, keyId)) === free,
      );
}

/** Of as many calls as there are places, and one more. */
async function decisionsAt(slot: string, keyId: string): Promise<readonly Decision[]> {
  const decisions: Decision[] = [];
  for (let n = 0; n <= PLACES; n++)
    decisions.push((await quotaOf(slot).checkLimit(call(keyId, `new ${n}`))).decision);
  return decisions;
}

const call = (keyId: string, reservationKey: string) =>
  checkOf(keyId, { reservationKey, noHold: false });

/** A limit of calls under way, whose places would last for an hour by themselves. */
async function declareCalls(keyId: string): Promise<void> {
  const { governance } = cluster.connection('a');
  await declareKey({ governance }, keyId.replace('-key', ''));
  await governance.createLimit({
    limit: limitOf({
      id: `${keyId}-limit`,
      owner: ofKey(keyId),
      maximum: BigInt(PLACES),
      algorithm: Algorithm.ALGORITHM_CONCURRENCY,
      window: { $case: 'hold', value: { ttl: { seconds: 3_600n, nanos: 0 } } },
    }),
  });
  await knownEverywhere(keyId);
}

async function knownEverywhere(keyId: string, policies = 1): Promise<void> {
  for (const { quota } of cluster.connections.values())
    await eventually(`every replica knows the policy of ${keyId}`, async () => {
      const { statuses } = await quota.checkLimit(checkOf(keyId, { dryRun: true }));
      return statuses.length === policies;
    });
}

async function declare(): Promise<void> {
  const { governance } = cluster.connection('a');
  await declareKey({ governance }, 'limited');
  await declareKey({ governance }, 'priced');
  const owner = ofKey(LIMITED);
  const maximum = BigInt(MAXIMUM);
  await governance.createLimit({ limit: limitOf({ id: `${LIMITED}-limit`, owner, maximum }) });
  const budget = budgetOf({ owner: ofKey(PRICED), amountNanos: 1n << 60n });
  await governance.createBudget({ budget });
  for (const key of [LIMITED, PRICED]) await knownEverywhere(key);
}

async function expectTruth({ admissions, account }: Record): Promise<void> {
  const verdicts = admissions.judge(Number.POSITIVE_INFINITY);
  expect(verdicts[0]?.admitted).toBeGreaterThanOrEqual(MAXIMUM);
  for (const { admitted, allowedOver } of verdicts)
    expect(admitted).toBeLessThanOrEqual(MAXIMUM + allowedOver);
  const { ledger } = cluster.connection('a');
  const { acknowledged, ...money } = await account.settled(ledger, [PRICED]);
  expect(acknowledged).toBeGreaterThan(0);
  expect(money).toMatchObject({ lost: [], doubled: [], wrong: [] });
  expect((await ledger.auditBudgets({})).faults).toEqual([]);
}
