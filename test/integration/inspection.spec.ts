import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { EXIT } from '../../src/cli/exit-code.js';
import { runCli } from '../../src/cli/program.js';
import { checkOf, declareKey, declareLimit, ofKey, ROOT } from '../support/declare.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/failure.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { type Replica, startReplica } from '../support/start-replica.js';

let database: TestDatabase;
let replica: Replica;
let keyId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  replica = await startReplica(database.url);
  ({ keyId } = await declareKey(replica, 'ada'));
  await declareLimit(replica, { id: 'all', name: 'everybody', owner: ROOT, maximum: 100_000n });
  await declareLimit(replica, { id: 'ada', name: 'per day', owner: ofKey(keyId), maximum: 300n });
  await replica.quota.batchCheckLimit({
    checks: Array.from({ length: 1_000 }, () => checkOf(keyId)),
  });
});

afterAll(async () => {
  await replica?.stop();
  await database?.drop();
});

/** `weir ...`, until it ends; `stop` ends it before. */
function weir(args: readonly string[], stop: Promise<void> = new Promise(() => undefined)) {
  const written = { out: '', err: '' };
  const io = {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
    stdin: Readable.from([]),
    env: {},
    stopRequested: () => stop,
  };
  const code = runCli([...args, '--target', replica.service.grpcAddress], io);
  return { code, written };
}

describe('the busiest counters', () => {
  it('come with their policy, and with what is counted against it', async () => {
    const { counters, observed } = await replica.inspection.listBusiestCounters({ pageSize: 10 });
    expect(counters.map(({ policyId }) => policyId).sort()).toEqual(['ada', 'all']);
    const ada = counters.find(({ policyId }) => policyId === 'ada');
    expect(ada).toMatchObject({
      name: expect.stringMatching(/^ada\/\d+$/),
      policyName: 'per day',
      owner: ofKey(keyId),
      limit: 300n,
      counted: 300n,
      groupValues: [],
      overflow: false,
    });
    expect(ada?.asked).toBeGreaterThan(500n);
    expect(Number(observed?.seconds)).toBeLessThan(120);
  });

  it('are as many as were asked for', async () => {
    const { counters } = await replica.inspection.listBusiestCounters({ pageSize: 1 });
    expect(counters).toHaveLength(1);
    const error = await failure(replica.inspection.listBusiestCounters({ pageSize: 501 }));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.message).toContain('page_size: must be from 0 (20) to 500, but is 501');
  });

  it('are shown by weir top, once or again and again', async () => {
    const once = weir(['top', '--once']);
    expect(await once.code).toBe(EXIT.OK);
    expect(once.written.out).toMatch(/PER SECOND +POLICY +OWNER/);
    expect(once.written.out).toMatch(/\d+ +per day +key ada-key +300 \/ 300 /);

    let stop = (): void => undefined;
    const asked = new Promise<void>((resolve) => (stop = resolve));
    const again = weir(['top', '--interval', '100ms', '--count', '1'], asked);
    await eventually('it is shown twice', () => again.written.out.split('PER SECOND').length > 2);
    stop();
    expect(await again.code).toBe(EXIT.OK);
  });

  it('are a document for programs', async () => {
    const { code, written } = weir(['top', '--json', '--count', '2']);
    expect(await code).toBe(EXIT.OK);
    const { counters } = JSON.parse(written.out);
    expect(counters).toHaveLength(2);
    expect(counters[0]).toMatchObject({ unit: 'UNIT_REQUESTS', interval: expect.anything() });
  });

  it('go on to be named when their limit was deleted, but not explained', async () => {
    const before = await replica.inspection.listBusiestCounters({ pageSize: 0 });
    const name = before.counters.find(({ policyId }) => policyId === 'ada')?.name ?? '';
    await replica.governance.deleteLimit({ id: 'ada' });
    const { counters } = await replica.inspection.listBusiestCounters({ pageSize: 0 });
    expect(counters.find((each) => each.name === name)).toMatchObject({
      policyId: '',
      limit: 0n,
    });
    const { code, written } = weir(['top', '--once']);
    expect(await code).toBe(EXIT.OK);
    expect(written.out).toContain(`${name} (deleted or changed)`);
  });

  it.each([
    ['--count', '0'],
    ['--count', '501'],
    ['--interval', '1ms'],
  ])('are not shown for %s %s', async (...args) => {
    const { code, written } = weir(['top', ...args]);
    expect(await code).toBe(EXIT.USAGE);
    expect(written.err).toContain(args[0]);
  });
});
