import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unit } from '../../src/gen/weir/v1/common.js';
import { MemberState } from '../../src/gen/weir/v1/cluster_service.js';
import { ReservationState } from '../../src/gen/weir/v1/ledger_service.js';
import type { DebitBudgetRequest } from '../../src/gen/weir/v1/quota_service.js';
import { Algorithm } from '../../src/gen/weir/v1/governance_service.js';
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

async function start(nodeName: string): Promise<Replica> {
  const known = await here?.cluster.getReplicaStatus({});
  const peers = known?.self === undefined ? [] : [known.self.address];
  const settings = { ...CLUSTERED, 'cluster.nodeName': nodeName, 'cluster.peers': peers };
  return startReplica(database.url, settings);
}

beforeAll(async () => {
  database = await createTestDatabase();
  here = await start('here');
  there = await start('there');
});

afterAll(async () => {
  await there?.stop();
  await here?.stop();
  await database?.drop();
});

const HOLD = { $case: 'hold', value: { ttl: { seconds: 600n, nanos: 0 } } } as const;

async function left(keyId: string, replica: Replica): Promise<string> {
  const { statuses } = await replica.quota.checkLimit(checkOf(keyId, { dryRun: true }));
  return statuses.map(({ remaining }) => remaining).join(' ');
}

/** Replicas come to agree on what is left. */
async function leaves(keyId: string, wanted: string, replicas: readonly Replica[]): Promise<void> {
  for (const replica of replicas)
    await eventually(
      `what is left is ${wanted}`,
      async () => (await left(keyId, replica)) === wanted,
    );
}

it('limits in tokens and of places are corrected wherever the call is settled', async () => {
  const { keyId } = await declareKey(here, 'roaming');
  const owner = ofKey(keyId);
  const unit = Unit.UNIT_TOKENS;
  await declareLimit(here, { id: 'roaming-1', owner, unit, window: LONG_WINDOW, maximum: 1_000n });
  const algorithm = Algorithm.ALGORITHM_CONCURRENCY;
  await declareLimit(here, { id: 'roaming-2', owner, algorithm, window: HOLD, maximum: 2n });
  await declareBudget(here, { id: 'roaming-3', owner, amountNanos: 1_000_000n });
  const becomes = (replica: Replica, wanted: string): Promise<void> =>
    leaves(keyId, wanted, [replica]);

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

type Name = NonNullable<DebitBudgetRequest['reservation']>;
const byId = (value: string): Name => ({ $case: 'reservationId', value });
const byKey = (value: string): Name => ({ $case: 'reservationKey', value });
const seconds = (count: number) => ({ seconds: BigInt(count), nanos: 0 });

describe('a reservation of limits alone, which one replica keeps', () => {
  const declared = async (name: string): Promise<string> => {
    const { keyId } = await declareKey(here, name);
    const owner = ofKey(keyId);
    const unit = Unit.UNIT_TOKENS;
    await declareLimit(here, {
      id: `${name}-1`,
      owner,
      unit,
      window: LONG_WINDOW,
      maximum: 1_000n,
    });
    const algorithm = Algorithm.ALGORITHM_CONCURRENCY;
    await declareLimit(here, { id: `${name}-2`, owner, algorithm, window: HOLD, maximum: 2n });
    return keyId;
  };
  const reserve = async (keyId: string, reservationKey: string): Promise<string> => {
    // Longer than replicas need to agree on a machine that is busy with something else.
    const reserveTtl = seconds(600);
    const call = { noHold: false, reservationKey, reserveTtl, tokens: 300n };
    return (await here.quota.checkLimit(checkOf(keyId, call))).reservationId;
  };
  const settle = (replica: Replica, keyId: string, key: string, reservation: Name) =>
    replica.quota.debitBudget(
      debitOf(keyId, key, {
        usage: { input: 0n, cachedInput: 0n, output: 50n, reasoning: 0n },
        reservation,
      }),
    );
  const both = (): readonly Replica[] => [here, there];

  it.each<[string, (id: string) => Name]>([
    ['id', byId],
    ['key', () => byKey('a')],
  ])('is settled by its %s at another one, once', async (by, named) => {
    const keyId = await declared(`settled-by-${by}`);
    const name = named(await reserve(keyId, 'a'));
    await leaves(keyId, '700 1', both());
    const first = await settle(there, keyId, 'k', name);
    expect(first).toMatchObject({ replayed: false, late: false });
    await leaves(keyId, '950 2', both());
    for (const replica of both()) {
      const again = { replayed: true, debitId: first.debitId };
      expect(await settle(replica, keyId, 'k', name)).toMatchObject(again);
      expect(await failure(settle(replica, keyId, 'other', name))).toMatchObject({
        code: status.FAILED_PRECONDITION,
      });
    }
    expect(await left(keyId, here)).toBe('950 2');
  });

  it.each<[string, (id: string) => Name]>([
    ['id', byId],
    ['key', () => byKey('a')],
  ])('is extended and released by its %s at another one', async (by, named) => {
    const keyId = await declared(`released-by-${by}`);
    const reservation = named(await reserve(keyId, 'a'));
    const subject = { $case: 'virtualKeyId', value: keyId } as const;
    const { reservationExpiresAt } = await there.quota.extendReservation({
      subject,
      reservation,
      reserveTtl: seconds(3_000),
      addNanos: 0n,
    });
    expect(Number(reservationExpiresAt?.seconds)).toBeGreaterThan(Date.now() / 1_000 + 2_000);
    const release = () => there.quota.releaseReservation({ subject, reservation, refund: false });
    expect(await release()).toMatchObject({ replayed: false });
    expect(await release()).toMatchObject({ replayed: true });
    await leaves(keyId, '1000 2', both());
  });

  it('is ended by an operator at any of them, unless it was settled', async () => {
    const keyId = await declared('forced');
    const [first, second] = [await reserve(keyId, 'a'), await reserve(keyId, 'b')];
    await leaves(keyId, '400 0', both());
    for (const { ledger } of [there, here, there]) {
      const { reservation } = await ledger.forceRelease({ reservationId: first });
      expect(reservation).toMatchObject({
        id: first,
        virtualKeyId: keyId,
        reservationKey: 'a',
        state: ReservationState.RESERVATION_STATE_RELEASED,
        amountNanos: 0n,
        createdAt: undefined,
      });
    }
    await leaves(keyId, '700 1', both());
    expect(await failure(settle(there, keyId, 'k', byId(first)))).toMatchObject({
      code: status.FAILED_PRECONDITION,
    });
    await settle(here, keyId, 'l', byId(second));
    expect(await failure(there.ledger.forceRelease({ reservationId: second }))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      message: `${second} is committed; nothing is held`,
    });
    const nobodys = second.replace(/^res_.{26}/, 'res_01KADNQ5YH0000000000000000');
    expect(await failure(there.ledger.forceRelease({ reservationId: nobodys }))).toMatchObject({
      code: status.NOT_FOUND,
      message: `reservation ${nobodys} does not exist`,
    });
    await leaves(keyId, '950 2', both());
  });

  it("is nobody else's: another key knows it by no name", async () => {
    const keyId = await declared('theirs');
    const { keyId: other } = await declareKey(here, 'stranger');
    const id = await reserve(keyId, 'a');
    for (const name of [byId(id), byKey('a')])
      expect(await failure(settle(there, other, 'k', name))).toMatchObject({
        code: status.NOT_FOUND,
      });
    await leaves(keyId, '700 1', both());
  });

  it('is lost with a replica that is gone: the debit is recorded late, once', async () => {
    const keyId = await declared('widowed');
    const kept = await reserve(keyId, 'a');
    const lost = kept.replace(/\.[0-9a-f]{16}$/, '.0123456789abcdef');
    expect(await settle(there, keyId, 'k', byId(lost))).toMatchObject({ late: true });
    expect(await settle(there, keyId, 'k', byId(lost))).toMatchObject({ replayed: true });
    expect(await failure(there.ledger.forceRelease({ reservationId: lost }))).toMatchObject({
      code: status.NOT_FOUND,
    });
    await leaves(keyId, '700 1', both());
    const metrics = await (await there.get('/metrics')).text();
    expect(metrics).toMatch(/^weir_limit_reservations_lost [1-9]/m);
  });

  it('is kept by another one when its replica leaves, and settled there, whoever is asked', async () => {
    const third = await start('third');
    const keyId = await declared('inherited');
    const [first, second] = [await reserve(keyId, 'a'), await reserve(keyId, 'b')];
    await leaves(keyId, '400 0', [there, third]);
    await here.stop();
    try {
      for (const { cluster } of [there, third])
        await eventually('it is known to have left', async () => {
          const { members } = await cluster.listMembers({});
          const isUp = members.filter(({ state }) => state === MemberState.MEMBER_STATE_ALIVE);
          return isUp.length === 2;
        });
      expect(await settle(third, keyId, 'k', byId(first))).toMatchObject({ late: false });
      expect(await settle(there, keyId, 'l', byKey('b'))).toMatchObject({ late: false });
      for (const replica of [there, third]) {
        expect(await settle(replica, keyId, 'k', byId(first))).toMatchObject({ replayed: true });
        expect(await failure(settle(replica, keyId, 'm', byId(second)))).toMatchObject({
          code: status.FAILED_PRECONDITION,
        });
        await eventually('both are corrected', async () =>
          (await left(keyId, replica)).startsWith('900 '),
        );
      }
    } finally {
      await third.stop();
    }
  });
});
