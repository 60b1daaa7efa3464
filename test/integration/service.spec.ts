import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { service as healthService } from 'grpc-health-check';
import { silentLog } from '../../src/common/log.js';
import { Decision } from '../../src/gen/weir/v1/quota_service.js';
import { startService } from '../../src/main.js';
import { checkOf, debitOf, declareKey, declareLimit, ofKey } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';
import { TcpProxy } from '../support/tcp-proxy.js';

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

/** A unary call with bytes of one's own making. */
function callRaw(
  path: string,
  body: Buffer,
  metadata = new Metadata(),
): Promise<ServiceError | Buffer> {
  const client = new Client(replica.service.grpcAddress, credentials.createInsecure());
  return new Promise((resolve) => {
    const identity = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest(path, identity, identity, body, metadata, (error, value) => {
      client.close();
      resolve(error ?? value ?? Buffer.alloc(0));
    });
  });
}

describe('the gRPC server', () => {
  it('survives messages that are no protobuf', async () => {
    const callGarbage = (method: string) =>
      callRaw(`/weir.v1.QuotaService/${method}`, Buffer.from([0x0a, 0xff, 0x01]));
    for (const method of ['CheckLimit', 'BatchCheckLimit'])
      expect(await callGarbage(method)).toMatchObject({
        code: status.INVALID_ARGUMENT,
        details: expect.stringContaining('cannot be read'),
      });
    expect(await callGarbage('DebitBudget')).toMatchObject({ code: status.INTERNAL });
    expect((await replica.quota.checkLimit(checkOf('x'))).decision).toBe(Decision.DECISION_DENY);
  });

  it('refuses a message that is longer than it takes', async () => {
    const answer = await callRaw('/weir.v1.QuotaService/CheckLimit', Buffer.alloc(5 << 20));
    expect(answer).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it('does not know methods that do not exist', async () => {
    const answer = await callRaw('/weir.v1.QuotaService/Nothing', Buffer.alloc(0));
    expect(answer).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('limits the streams of one connection', async () => {
    const session = connect(`http://${replica.service.grpcAddress}`);
    const [settings] = (await once(session, 'remoteSettings')) as [
      { maxConcurrentStreams: number },
    ];
    expect(settings.maxConcurrentStreams).toBe(100);
    session.close();
  });

  it('gives back the request id of a call that failed, and makes one where it is unfit', async () => {
    const path = '/weir.v1.QuotaService/DebitBudget';
    const metadata = new Metadata();
    metadata.set('x-request-id', 'gateway-7');
    const answer = (await callRaw(path, Buffer.alloc(0), metadata)) as ServiceError;
    expect(answer.code).toBe(status.INVALID_ARGUMENT);
    expect(answer.metadata.get('x-request-id')).toEqual(['gateway-7']);
    metadata.set('x-request-id', 'forged" level="info');
    const other = (await callRaw(path, Buffer.alloc(0), metadata)) as ServiceError;
    expect(other.metadata.get('x-request-id')[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('says that it is serving over grpc.health.v1', async () => {
    const client = new Client(replica.service.grpcAddress, credentials.createInsecure());
    const { Check: check } = healthService;
    if (check === undefined) throw new Error('no health service');
    const answer = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        check.path,
        check.requestSerialize,
        check.responseDeserialize,
        { service: 'weir.v1.QuotaService' },
        (error, value) => (error ? reject(error) : resolve(value)),
      );
    });
    client.close();
    expect(answer).toMatchObject({ status: 'SERVING' });
  });

  it('lists its services over reflection', async () => {
    const definition = loadSync('grpc/reflection/v1/reflection.proto', {
      includeDirs: ['node_modules/@grpc/reflection/build/proto'],
    });
    const reflection = definition['grpc.reflection.v1.ServerReflection'] as unknown as {
      ServerReflectionInfo: {
        path: string;
        requestSerialize: (value: object) => Buffer;
        responseDeserialize: (bytes: Buffer) => unknown;
      };
    };
    const { path, requestSerialize, responseDeserialize } = reflection.ServerReflectionInfo;
    const client = new Client(replica.service.grpcAddress, credentials.createInsecure());
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.write({ listServices: '*' });
    const [answer] = (await once(stream, 'data')) as [
      { listServicesResponse: { service: { name: string }[] } },
    ];
    stream.end();
    client.close();
    expect(answer.listServicesResponse.service.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'weir.v1.QuotaService',
        'weir.v1.GovernanceService',
        'weir.v1.LedgerService',
      ]),
    );
  });
});

describe('the HTTP server', () => {
  it('is live and ready', async () => {
    expect((await replica.get('/health/live')).status).toBe(200);
    const ready = await replica.get('/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toMatchObject({
      status: 'ok',
      info: { replica: { state: 'ok', reasons: [] } },
    });
    expect((await replica.get('/health')).status).toBe(200);
  });

  it('tells Prometheus what was decided and how long it took', async () => {
    const { keyId } = await declareKey(replica, 'metrics');
    await declareLimit(replica, { owner: ofKey(keyId), maximum: 1n });
    await replica.quota.checkLimit(checkOf(keyId));
    await replica.quota.checkLimit(checkOf(keyId));
    const answer = await replica.get('/metrics');
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const text = await answer.text();
    expect(text).toMatch(/^weir_checks_total\{decision="allow",reason=""\} [1-9]/m);
    expect(text).toMatch(/^weir_checks_total\{decision="deny",reason="rate_limited"\} [1-9]/m);
    expect(text).toMatch(/^weir_grpc_requests_total\{method="CheckLimit",code="OK"\} [1-9]/m);
    expect(text).toMatch(
      /^weir_grpc_request_duration_seconds_bucket\{method="CheckLimit",le="\+Inf"\} [1-9]/m,
    );
    expect(text).toMatch(/^weir_ready 1$/m);
    expect(text).toMatch(/^weir_counters_live [1-9]/m);
    expect(text).toMatch(/^weir_journal_records 0$/m);
    expect(text).not.toContain(keyId);
  });
});

describe('start and stop', () => {
  it('answers the debits that are in flight before it stops', async () => {
    const leaving = await startReplica(database.url);
    const { keyId } = await declareKey(leaving, 'leaving');
    const debits = Array.from({ length: 200 }, (_, i) =>
      leaving.quota.debitBudget(debitOf(keyId, `debit ${i}`, { amountNanos: 1n })),
    );
    await debits[0];
    const stopped = leaving.service.stop();
    const settled = await Promise.allSettled(debits);
    await stopped;
    await leaving.stop();
    const answered = settled.filter((result) => result.status === 'fulfilled').length;
    const { spend } = await replica.quota.getUsage({
      subject: { $case: 'virtualKeyId', value: keyId },
      interval: undefined,
      group: {},
    });
    expect(Number(spend?.debits)).toBeGreaterThanOrEqual(answered);
    expect(answered).toBeGreaterThan(0);
  });

  it('says which port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const start = (key: string) =>
      startService({
        env: {},
        log: silentLog,
        overrides: {
          'grpc.port': 0,
          'http.port': 0,
          'storage.postgres.url': database.url,
          'journal.dataDir': join(tmpdir(), `weir-journal-${randomUUID()}`),
          [key]: port,
        },
      });
    try {
      await expect(start('grpc.port')).rejects.toThrow(new RegExp(`gRPC.*127\\.0\\.0\\.1:${port}`));
      await expect(start('http.port')).rejects.toThrow(new RegExp(`HTTP.*127\\.0\\.0\\.1:${port}`));
    } finally {
      other.close();
    }
  });

  it('listens beyond this machine only when it is told so by name', async () => {
    const start = startService({
      env: {},
      log: silentLog,
      overrides: { 'grpc.host': '0.0.0.0', 'storage.postgres.url': database.url },
    });
    await expect(start).rejects.toThrow(/api\.allowUnauthenticatedRemoteAccess/);
  });

  it('counts on while its database is away, says so, and takes debits when it is back', async () => {
    const network = new TcpProxy(database.url);
    await network.up();
    const survivor = await startReplica(network.url);
    const readiness = async (): Promise<unknown> => {
      const answer = await survivor.get('/health/ready');
      return { code: answer.status, body: await answer.json() };
    };
    const state = (name: string) => ({ code: 200, body: { info: { replica: { state: name } } } });
    try {
      const { keyId } = await declareKey(survivor, 'survivor');
      await declareLimit(survivor, { owner: ofKey(keyId), maximum: 5n });
      await network.down();
      const journaled = await survivor.quota.debitBudget(debitOf(keyId, 'k'));
      expect(journaled).toMatchObject({ replayed: false, statuses: [] });
      const answer = await survivor.quota.checkLimit(checkOf(keyId));
      expect(answer.decision).toBe(Decision.DECISION_ALLOW);
      const unknown = survivor.quota.checkLimit(checkOf('never seen'));
      await expect(unknown).rejects.toMatchObject({ code: status.UNAVAILABLE });
      expect(await readiness()).toMatchObject(state('degraded'));
      await network.up();
      const again = await survivor.quota.debitBudget(debitOf(keyId, 'k'));
      expect(again).toMatchObject({ replayed: true, debitId: journaled.debitId });
      await eventually('the replica is well again', async () =>
        JSON.stringify(await readiness()).includes('"state":"ok"'),
      );
      await eventually('the debit is in the ledger, once', async () => {
        const { spend } = await survivor.quota.getUsage({
          subject: { $case: 'virtualKeyId', value: keyId },
          interval: undefined,
          group: {},
        });
        return spend?.debits === 1n;
      });
    } finally {
      await survivor.stop();
      await network.down();
    }
  });
});
