import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { DomainError } from '../../src/common/domain-error.js';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { loadConfig } from '../../src/config/load-config.js';
import { bigintColumn } from '../../src/storage/bigint-column.js';
import { MIGRATIONS_TABLE } from '../../src/storage/data-source.js';
import { Database, type DatabaseEvent } from '../../src/storage/database.js';
import { migrate } from '../../src/storage/migrate.js';
import { checkMigrations } from '../../src/storage/migration-check.js';
import { type OpenDatabase, openDatabase } from '../../src/storage/open-database.js';
import { connectionFromUrl, tlsOptions } from '../../src/storage/postgres-connection.js';
import { errorCode, isRetryable, isUniqueViolation } from '../../src/storage/postgres-error.js';
import { StorageModule } from '../../src/storage/storage.module.js';
import type { TypeOrmDatabase } from '../../src/storage/typeorm-database.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, runSql, type TestDatabase } from '../support/postgres.js';
import { RecordingLog } from '../support/recording-log.js';
import { TcpProxy } from '../support/tcp-proxy.js';

let test: TestDatabase;
const opened: OpenDatabase[] = [];
const proxies: TcpProxy[] = [];

beforeEach(async () => {
  test = await createTestDatabase();
});

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
  for (const proxy of proxies.splice(0)) await proxy.down();
  await test.drop();
});

/** Opens as the service does, from a configuration. */
async function open(
  settings: Readonly<Record<string, unknown>> = {},
  log = new RecordingLog(),
): Promise<TypeOrmDatabase> {
  const postgres = { url: test.url, startTimeoutSeconds: 60, ...settings };
  const overrides = Object.fromEntries(
    Object.entries(postgres).map(([name, value]) => [`storage.postgres.${name}`, value]),
  );
  const { config } = loadConfig({ env: {}, cwd: '/nonexistent', overrides });
  const storage = await openDatabase(config.storage, log);
  opened.push(storage);
  return storage.database;
}

async function openProxy(): Promise<TcpProxy> {
  const proxy = new TcpProxy(test.url);
  proxies.push(proxy);
  await proxy.up();
  return proxy;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

async function isUnavailable(work: Promise<unknown>): Promise<boolean> {
  const error = await failureOf(work);
  return error instanceof DomainError && error.code === 'UNAVAILABLE';
}

describe('a query', () => {
  it('gives rows of every kind of statement, bigint as text', async () => {
    const database = await open();
    await database.query('CREATE TABLE t (id int PRIMARY KEY, n bigint)');
    expect(
      await database.query('INSERT INTO t VALUES (1, $1) RETURNING n', ['-9223372036854775808']),
    ).toEqual([{ n: '-9223372036854775808' }]);
    expect(await database.query('UPDATE t SET n = n + 1 RETURNING n')).toEqual([
      { n: '-9223372036854775807' },
    ]);
    expect(await database.query('DELETE FROM t RETURNING id')).toEqual([{ id: 1 }]);
    expect(await database.query('DELETE FROM t')).toEqual([]);
  });

  it('passes the errors of a statement through, and stays reachable', async () => {
    const database = await open();
    const error = await failureOf(database.query('SELECT nothing'));
    expect(errorCode(error)).toBe('42703');
    await database.query('CREATE TABLE t (id int PRIMARY KEY)');
    await database.query('INSERT INTO t VALUES (1)');
    expect(isUniqueViolation(await failureOf(database.query('INSERT INTO t VALUES (1)')))).toBe(
      true,
    );
    expect(database.isReachable()).toBe(true);
  });

  it('is cancelled when it runs too long', async () => {
    const database = await open({ statementTimeoutMs: 300 });
    expect(errorCode(await failureOf(database.query('SELECT pg_sleep(30)')))).toBe('57014');
  });

  it('is cancelled when it waits too long for a lock', async () => {
    const database = await open({ lockTimeoutMs: 50 });
    await database.query('CREATE TABLE t (id int)');
    await database.transaction(async (manager) => {
      await manager.query('LOCK TABLE t');
      expect(errorCode(await failureOf(database.query('SELECT * FROM t')))).toBe('55P03');
    });
  });

  it('says in pg_stat_activity whose it is', async () => {
    const database = await open();
    expect(await database.query(`SELECT current_setting('application_name') AS name`)).toEqual([
      { name: 'weir' },
    ]);
  });

  it('tells the time of the database', async () => {
    const database = await open();
    const before = Date.now();
    const now = await database.databaseNow();
    expect(now).toBeGreaterThan(before - 5_000);
    expect(now).toBeLessThan(Date.now() + 5_000);
  });
});

describe('a transaction', () => {
  it('commits what it does, and nothing if it throws', async () => {
    const database = await open();
    await database.query('CREATE TABLE t (id int)');
    await database.transaction((manager) => manager.query('INSERT INTO t VALUES (1)'));
    const failed = database.transaction(async (manager) => {
      await manager.query('INSERT INTO t VALUES (2)');
      throw new Error('changed my mind');
    });
    await expect(failed).rejects.toThrow('changed my mind');
    expect(await database.query('SELECT id FROM t')).toEqual([{ id: 1 }]);
  });

  it('that lost against another is worth another try', async () => {
    const database = await open();
    await database.query('CREATE TABLE t (n int)');
    await database.query('INSERT INTO t VALUES (0)');
    const lost = database.transaction(async (manager) => {
      await manager.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      await manager.query('SELECT * FROM t');
      await database.query('UPDATE t SET n = 1');
      await manager.query('UPDATE t SET n = 2');
    });
    const error = await failureOf(lost);
    expect(isRetryable(error)).toBe(true);
    expect(isRetryable(new Error('other'))).toBe(false);
  });
});

describe('a database that disappears and returns', () => {
  it('makes queries UNAVAILABLE, and then serves them again', async () => {
    const proxy = await openProxy();
    const database = await open({ url: proxy.url });
    await proxy.down();
    await eventually('the loss is seen without a query', () => !database.isReachable());
    expect(await isUnavailable(database.query('SELECT 1'))).toBe(true);
    expect(await isUnavailable(database.transaction((manager) => manager.query('SELECT 1')))).toBe(
      true,
    );
    await proxy.up();
    await eventually('the return is seen without a query', () => database.isReachable());
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('does not wait for ever for a network that swallows everything', async () => {
    const proxy = await openProxy();
    const database = await open({ url: proxy.url, statementTimeoutMs: 1_000 });
    proxy.stall();
    expect(await isUnavailable(database.query('SELECT 1'))).toBe(true);
    expect(database.isReachable()).toBe(false);
    await eventually('the listener gives its connection up', async () => {
      const seen = await isUnavailable(database.query('SELECT 1'));
      return seen && !database.isReachable();
    });
    await proxy.up();
    await eventually('the database is back', () => database.isReachable());
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('rolls back the transaction in its middle', async () => {
    const proxy = await openProxy();
    const database = await open({ url: proxy.url });
    await database.query('CREATE TABLE t (id int)');
    const cut = database.transaction(async (manager) => {
      await manager.query('INSERT INTO t VALUES (1)');
      await proxy.down();
      await manager.query('INSERT INTO t VALUES (2)');
    });
    expect(await isUnavailable(cut)).toBe(true);
    await proxy.up();
    await eventually('the database is back', () => database.isReachable());
    expect(await database.query('SELECT id FROM t')).toEqual([]);
  });

  it('ends sessions as an administrator does, and nothing crashes', async () => {
    const database = await open();
    await database.query('SELECT 1');
    await runSql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${test.name}' AND pid <> pg_backend_pid()`,
    );
    await eventually(
      'queries succeed again',
      async () => (await failureOf(database.query('SELECT 1'))) === undefined,
    );
    await eventually('it is seen as reachable', () => database.isReachable());
  });

  it('tells listeners that they may have missed something', async () => {
    const proxy = await openProxy();
    const database = await open({ url: proxy.url });
    const heard: DatabaseEvent[] = [];
    const stop = await database.listen('changes', (event) => heard.push(event));
    await runSql(`NOTIFY changes, 'one'`, test.url);
    await eventually('one is heard', () => heard.length === 1);
    await proxy.down();
    await proxy.up();
    await eventually('the reconnection is heard', () => heard.length === 2);
    await runSql(`NOTIFY changes, 'two'`, test.url);
    await eventually('two is heard', () => heard.length === 3);
    await stop();
    expect(heard).toEqual([
      { kind: 'notified', payload: 'one' },
      { kind: 'reconnected' },
      { kind: 'notified', payload: 'two' },
    ]);
  });

  it('closes while it is away', async () => {
    const proxy = await openProxy();
    await open({ url: proxy.url });
    await proxy.down();
    const [storage] = opened.splice(0);
    await storage?.close();
  });

  it('becomes read-only, as after a failover', async () => {
    const database = await open();
    const work = database.transaction(async (manager) => {
      await manager.query('SET TRANSACTION READ ONLY');
      await manager.query('CREATE TABLE t (id int)');
    });
    await expect(work).rejects.toThrow(/has become read-only/);
    expect(await isUnavailable(work)).toBe(true);
  });
});

describe('the start', () => {
  it('waits for a database, says so, and goes on when it is there', async () => {
    const proxy = await openProxy();
    const { url } = proxy;
    await proxy.down();
    const log = new RecordingLog();
    const opening = open({ url, startTimeoutSeconds: 60 }, log);
    await log.saw(/^warn Waiting \d+ s more for PostgreSQL at 127[.\d]+:\d+ .*ECONNREFUSED/);
    await proxy.up();
    expect((await opening).isReachable()).toBe(true);
  });

  it('gives up naming host and port, never the password', async () => {
    const proxy = await openProxy();
    const { url } = proxy;
    await proxy.down();
    const log = new RecordingLog();
    const error = await failureOf(open({ url, startTimeoutSeconds: 0 }, log));
    const { host, password } = new URL(url);
    expect(String(error)).toMatch(
      new RegExp(`${host} .* did not answer within 0 s: .*ECONNREFUSED.*startTimeoutSeconds`),
    );
    expect(`${String(error)} ${log.lines.join(' ')}`).not.toContain(password);
  });

  it('does not wait for what waiting does not mend', async () => {
    const missing = test.url.replace(test.name, 'no_such_database');
    await expect(open({ url: missing })).rejects.toThrow(
      /refuses: database "no_such_database" does not exist/,
    );
    const wrong = test.url.replace(/:[^:@/]+@/, ':hunter2@');
    const error = await failureOf(open({ url: wrong }));
    expect(String(error)).toMatch(/refuses: password authentication failed for user "weir"/);
    expect(String(error)).not.toContain('hunter2');
  });

  it('insists on TLS if it is told to', async () => {
    const proxy = await openProxy();
    const required = `${proxy.url}?sslmode=require`;
    await expect(open({ url: required })).rejects.toThrow(
      /refuses: The server does not support SSL/,
    );
    expect((await open({ url: `${proxy.url}?sslmode=prefer` })).isReachable()).toBe(true);
  });

  it('refuses a read-only database', async () => {
    await runSql(`ALTER DATABASE ${test.name} SET default_transaction_read_only = on`);
    await expect(open()).rejects.toThrow(
      /is read-only \(default_transaction_read_only is on\).*primary/,
    );
  });

  it('refuses a database in another encoding', async () => {
    await runSql(`DROP DATABASE ${test.name}`);
    await runSql(
      `CREATE DATABASE ${test.name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C'`,
    );
    await expect(open()).rejects.toThrow(/has the encoding SQL_ASCII.*ENCODING 'UTF8'/);
  });

  it('refuses a newer schema and changes nothing', async () => {
    await runSql(
      `INSERT INTO ${MIGRATIONS_TABLE} (timestamp, name) VALUES (9999999999999, 'FromTheFuture9999999999999')`,
      test.url,
    );
    await expect(open()).rejects.toThrow(
      /newer schema than this Weir knows \(FromTheFuture9999999999999\).*Start the Weir that wrote it/,
    );
  });

  it('migrates once when several replicas start together', async () => {
    const empty = await createTestDatabase({ isEmpty: true });
    try {
      const connection = connectionFromUrl(empty.url);
      const logs = [new RecordingLog(), new RecordingLog(), new RecordingLog()];
      await Promise.all(logs.map((log) => migrate(connection, log)));
      const lines = logs.flatMap((log) => log.lines);
      expect(lines.filter((line) => line.includes('Migrated the database'))).toHaveLength(1);
    } finally {
      await empty.drop();
    }
  });

  it('reads the password from a file, again for each connection', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir secrets '));
    const passwordFile = join(folder, 'password');
    const { host, port, user, password } = connectionFromUrl(test.url);
    const settings = { url: undefined, host, port, user, database: test.name, passwordFile };
    await expect(open(settings)).rejects.toThrow(/passwordFile cannot be read: ENOENT/);
    await writeFile(passwordFile, 'hunter2');
    await expect(open(settings)).rejects.toThrow(/password authentication failed/);
    await writeFile(passwordFile, `${await password?.()}\n`);
    const database = await open(settings);
    expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await removeFolder(folder);
  });
});

describe('the migrations', () => {
  it('go up, agree with the entities, go down and up again', async () => {
    const empty = await createTestDatabase({ isEmpty: true });
    try {
      expect(await checkMigrations(connectionFromUrl(empty.url), silentLog)).toEqual([]);
    } finally {
      await empty.drop();
    }
  });
});

describe('a bigint column', () => {
  it('is a bigint on our side and text on the other', () => {
    expect(bigintColumn.from('-9223372036854775808')).toBe(-9_223_372_036_854_775_808n);
    expect(bigintColumn.to(9_223_372_036_854_775_807n)).toBe('9223372036854775807');
    expect([bigintColumn.from(null), bigintColumn.to(null)]).toEqual([null, null]);
  });
});

describe('tlsOptions', () => {
  const at = (parameters: string): unknown =>
    tlsOptions(connectionFromUrl(`postgres://u@db.example:5432/d${parameters}`));

  it('has the meaning of libpq', () => {
    expect(at('?sslmode=disable')).toBe(false);
    expect(at('')).toMatchObject({ rejectUnauthorized: false });
    expect(at('?sslmode=require')).toMatchObject({ rejectUnauthorized: false });
    expect(at('?sslmode=verify-ca')).toMatchObject({
      rejectUnauthorized: true,
      checkServerIdentity: expect.any(Function),
    });
    expect(at('?sslmode=verify-full')).toEqual({ rejectUnauthorized: true });
    expect(tlsOptions(connectionFromUrl('postgres://u@%2Frun%2Fpg/d?sslmode=require'))).toBe(false);
    expect(() => at('?sslmode=verify-ca&sslrootcert=/none')).toThrow(
      /sslRootCertFile cannot be read/,
    );
  });
});

describe('connectionFromUrl', () => {
  it.each([
    ['postgres://u@%2Frun%2Fpg:6000/d', { host: '/run/pg', port: 6000, user: 'u', database: 'd' }],
    ['postgres://u@/d?host=/run/pg', { host: '/run/pg', port: 5432, user: 'u', database: 'd' }],
    ['postgresql://[::1]:6000', { host: '::1', port: 6000, user: 'weir', database: 'weir' }],
    ['postgres://a%40b@h/x%20y', { host: 'h', user: 'a@b', database: 'x y' }],
  ])('understands %s', (url, parts) => {
    expect(connectionFromUrl(url)).toMatchObject(parts);
  });
});

describe('StorageModule', () => {
  it('provides the database by its port', async () => {
    const database = await open();
    const module = await Test.createTestingModule({
      imports: [StorageModule.with(database)],
    }).compile();
    expect(module.get(Database)).toBe(database);
    await module.close();
  });
});
