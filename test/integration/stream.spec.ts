import { Client, credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Decision } from '../../src/gen/weir/v1/quota_service.js';
import { OpenStreams } from '../../src/rpc/open-streams.js';
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
import { StreamOf } from '../support/stream-of.js';

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

const open = (deadlineMs?: number): StreamOf =>
  new StreamOf(replica.quota.stream(deadlineMs === undefined ? {} : { deadlineMs })).read();

const checksDecided = async (): Promise<number> => {
  const text = await (await replica.get('/metrics')).text();
  const counts = [...text.matchAll(/^weir_checks_total\{.*\} (\d+)$/gm)].map((m) => Number(m[1]));
  return counts.reduce((sum, count) => sum + count, 0);
};

describe('Stream', () => {
  it('answers each batch by its id, with what the calls of their own would have said', async () => {
    const { keyId } = await declareKey(replica, 'stream');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 3n });
    await declareBudget(replica, { owner: ofKey(keyId), amountNanos: 1_000n });
    const stream = open();
    stream.send({ id: 7n, checks: [1, 2, 3, 4].map(() => checkOf(keyId)) });
    stream.send({ id: 2n ** 64n - 1n, debits: [debitOf(keyId, 'a', { amountNanos: 100n })] });
    stream.send({ id: 9n, debits: [debitOf(keyId, 'a', { amountNanos: 100n })] });
    const { checks } = await stream.answer(7n);
    const decisions = checks.map(({ result }) =>
      result?.$case === 'response' ? result.value.decision : undefined,
    );
    const { DECISION_ALLOW, DECISION_DENY } = Decision;
    expect(decisions).toEqual([DECISION_ALLOW, DECISION_ALLOW, DECISION_ALLOW, DECISION_DENY]);
    const first = await stream.answer(2n ** 64n - 1n);
    expect(first.debits[0]?.result).toMatchObject({
      $case: 'response',
      value: { amountNanos: 100n, replayed: false, statuses: [{ remaining: 900n }] },
    });
    expect((await stream.answer(9n)).debits[0]?.result).toMatchObject({
      $case: 'response',
      value: { replayed: true },
    });
    stream.call.end();
    expect(await stream.end()).toBe('OK');
  });

  it('says of each item what is wrong with it, and does the others', async () => {
    const { keyId } = await declareKey(replica, 'items');
    const stream = open();
    stream.send({
      id: 1n,
      checks: [checkOf(keyId, { requests: -1n }), checkOf(keyId)],
      debits: [debitOf(keyId, ''), debitOf(keyId, 'right')],
    });
    const { checks, debits, error } = await stream.answer(1n);
    expect(error).toBeUndefined();
    expect([checks, debits]).toMatchObject([
      [
        { result: { $case: 'error', value: { violations: [{ field: 'requests' }] } } },
        { result: { $case: 'response' } },
      ],
      [
        { result: { $case: 'error', value: { violations: [{ field: 'idempotency_key' }] } } },
        { result: { $case: 'response' } },
      ],
    ]);
    stream.call.cancel();
  });

  it('refuses a batch of none and of 1,001 items, and goes on', async () => {
    const { keyId } = await declareKey(replica, 'sizes');
    const stream = open();
    const checks = (count: number) => Array.from({ length: count }, () => checkOf(keyId));
    stream.send({ id: 1n });
    stream.send({ id: 2n, checks: checks(1_000), debits: [debitOf(keyId, 'one too many')] });
    stream.send({ id: 3n, checks: checks(1_000) });
    expect((await stream.answer(1n)).error?.message).toMatch(/has 0 items; send 1 to 1000/);
    const refused = await stream.answer(2n);
    expect(refused.error?.violations[0]?.description).toMatch(/has 1001 items/);
    expect([refused.checks, refused.debits]).toEqual([[], []]);
    expect((await stream.answer(3n)).checks).toHaveLength(1_000);
    stream.call.cancel();
  });

  it('answers all that was sent before it was half closed, and then ends', async () => {
    const { keyId } = await declareKey(replica, 'half-close');
    const stream = open();
    for (let id = 1n; id <= 40n; id++) stream.send({ id, debits: [debitOf(keyId, `d${id}`)] });
    stream.call.end();
    expect(await stream.end()).toBe('OK');
    const ids = stream.answers.map(({ id }) => Number(id)).sort((a, b) => a - b);
    expect(ids).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it('ends for bytes that are no message, and other streams do not notice', async () => {
    const { keyId } = await declareKey(replica, 'garbage');
    const other = open();
    const client = new Client(replica.service.grpcAddress, credentials.createInsecure());
    const garbage = client.makeBidiStreamRequest<Buffer, Buffer>(
      '/weir.v1.QuotaService/Stream',
      (bytes) => bytes,
      (bytes) => bytes,
    );
    const code = new Promise<number>((resolve) => {
      garbage.on('status', (ended) => resolve(ended.code));
    });
    garbage.on('error', () => undefined).resume();
    garbage.write(Buffer.from([0x12, 0x7f, 0x01]));
    expect(await code).toBe(13);
    client.close();
    other.send({ id: 1n, checks: [checkOf(keyId)] });
    await other.answer(1n);
    other.call.cancel();
  });

  it('decides no more than it can hand over, if the caller does not read', async () => {
    const { keyId } = await declareKey(replica, 'slow-reader');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 1_000_000n });
    const before = await checksDecided();
    const batches = 120;
    const stream = open();
    const checks = Array.from({ length: 250 }, () => checkOf(keyId));
    // Before its first read, the client of grpc-js takes whatever comes.
    stream.send({ id: 1n, checks });
    await stream.answer(1n);
    stream.call.pause();
    for (let id = 2n; id <= batches; id++) stream.send({ id, checks });
    const decided = async () => ((await checksDecided()) - before) / 250;
    let seen = 0;
    let looks = 0;
    await eventually('the replica has stopped reading', async () => {
      const now = await decided();
      looks = now === seen ? looks + 1 : 0;
      seen = now;
      return seen > 0 && looks > 20;
    });
    expect(seen).toBeLessThan(batches / 2);
    stream.call.resume().end();
    expect(await stream.end()).toBe('OK');
    expect(stream.answers.map(({ id }) => id)).toEqual(
      Array.from({ length: batches }, (_, i) => BigInt(i + 1)),
    );
    expect(await decided()).toBe(batches);
  });

  it('is over when the caller cancels, or its deadline passes', async () => {
    const { keyId } = await declareKey(replica, 'gone');
    const cancelled = open();
    cancelled.send({ id: 1n, debits: [debitOf(keyId, 'unheard')] });
    cancelled.call.cancel();
    expect(await cancelled.end()).toBe('CANCELLED');
    const late = open(200);
    late.send({ id: 1n, checks: [checkOf(keyId)] });
    expect(await late.end()).toBe('DEADLINE_EXCEEDED');
    const { quota } = replica;
    expect((await quota.checkLimit(checkOf(keyId))).decision).toBe(Decision.DECISION_ALLOW);
  });
});

describe('a replica that stops', () => {
  it('ends its streams after what they have in work, and does not wait for their callers', async () => {
    const stopping = await startReplica(database.url, { 'shutdown.graceMs': 60_000 });
    const { keyId } = await declareKey(stopping, 'stopping');
    const stream = new StreamOf(stopping.quota.stream()).read();
    stream.send({ id: 1n, debits: [debitOf(keyId, 'in work')] });
    await stream.answer(1n);
    const startedAt = performance.now();
    await stopping.stop();
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(await stream.end()).toBe('UNAVAILABLE');
    expect(stream.ended?.details).toMatch(/this replica is stopping/);
  });
});

describe('the streams that are open', () => {
  it('are told to end when others already were', () => {
    const streams = new OpenStreams();
    const ended: string[] = [];
    const before = { drain: () => ended.push('before') };
    const gone = { drain: () => ended.push('gone') };
    streams.add(before);
    streams.add(gone);
    streams.remove(gone);
    streams.drain();
    streams.add({ drain: () => ended.push('after') });
    expect(ended).toEqual(['before', 'after']);
  });
});
