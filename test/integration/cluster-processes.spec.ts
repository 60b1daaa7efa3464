/**
 * Goal: replicas as they are deployed keep one another while the key is turned, notice a kill, and take a
 * restarted one back. Method: three processes on one database, and the command line.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EXIT, type ExitCode } from '../../src/cli/exit-code.js';
import { runCli } from '../../src/cli/program.js';
import { removeFolderSync } from '../../src/common/remove-folder.js';
import { eventually } from '../support/eventually.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { WeirProcess } from '../support/weir-process.js';

interface Running {
  readonly name: string;
  readonly process: WeirProcess;
  readonly grpc: string;
  readonly http: string;
  readonly gossip: string;
}

const folder = mkdtempSync(join(tmpdir(), 'weir-cluster-'));
const keyFile = join(folder, 'gossip.key');
let database: TestDatabase;
const running = new Map<string, Running>();

async function start(
  name: string,
  peers: readonly string[],
  gossip: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const file = join(folder, `${name}.yaml`);
  // JSON is YAML.
  const config = {
    grpc: { port: 0 },
    http: { port: 0 },
    storage: { postgres: { url: database.url } },
    journal: { dataDir: join(folder, `journal-${name}`) },
    cluster: {
      enabled: true,
      nodeName: name,
      peers,
      grpc: { host: '127.0.0.1', port: 0 },
      gossip: {
        bindHost: '127.0.0.1',
        port: 0,
        keyFile,
        timings: { probeIntervalMs: 500, probeTimeoutMs: 250 },
        ...gossip,
      },
    },
  };
  writeFileSync(file, JSON.stringify(config));
  const process = new WeirProcess(folder, ['serve', '--config', file]);
  await process.says('weir is serving');
  const started = {
    name,
    process,
    grpc: said(process, /"grpc":"([^"]+)"/),
    http: said(process, /"http":"([^"]+)"/),
    gossip: said(process, /"gossip":"([^"]+)"/),
  };
  running.set(name, started);
  return started;
}

function said({ out, err }: WeirProcess, pattern: RegExp): string {
  const found = pattern.exec(out + err)?.[1];
  if (found === undefined) throw new Error(`weir did not say ${pattern}: ${out}${err}`);
  return found;
}

function replica(name: string): Running {
  const found = running.get(name);
  if (found === undefined) throw new Error(`${name} does not run`);
  return found;
}

async function weir(
  at: Running,
  ...args: readonly string[]
): Promise<{ readonly code: ExitCode; readonly out: string; readonly err: string }> {
  const written = { out: '', err: '' };
  const code = await runCli(args, {
    stdout: { write: (text) => (written.out += text) },
    stderr: { write: (text) => (written.err += text) },
    stdin: Readable.from([]),
    env: { WEIR_TARGET: at.grpc },
    stopRequested: () => new Promise(() => undefined),
  });
  return { code, ...written };
}

/** `a alive, b dead` */
async function seenBy(name: string): Promise<string> {
  const { out } = await weir(replica(name), 'members', '--json');
  const { members } = JSON.parse(out);
  return members
    .map((one: { name: string; state: string }) => `${one.name} ${one.state.slice(13)}`)
    .join(', ')
    .toLowerCase();
}

async function allSee(names: readonly string[], expected: string): Promise<void> {
  for (const name of names) {
    await eventually(
      `${name} sees ${expected}`,
      async () => (await seenBy(name)) === expected,
      60_000,
    );
  }
}

async function countOf(name: string, kind: string): Promise<number> {
  const text = await (await fetch(`http://${replica(name).http}/metrics`)).text();
  const found = new RegExp(`weir_gossip_total\\{kind="${kind}"\\} (\\d+)`).exec(text);
  return Number(found?.[1] ?? 0);
}

beforeAll(async () => {
  database = await createTestDatabase();
  writeFileSync(keyFile, `# the first one seals\n${Buffer.alloc(32, 1).toString('base64')}\n`);
  const first = await start('a', []);
  await start('b', [first.gossip]);
  await start('c', [first.gossip], { bindHost: '0.0.0.0', advertiseHost: '127.0.0.1' });
}, 180_000);

afterAll(async () => {
  for (const { process } of running.values()) process.kill('SIGKILL');
  for (const { process } of running.values()) await process.end();
  await database?.drop();
  removeFolderSync(folder);
});

describe('three processes', () => {
  it('find each other', async () => {
    await allSee(['a', 'b', 'c'], 'a alive, b alive, c alive');
  });

  it('warn of an address that others, elsewhere, could not reach', () => {
    const textOf = ({ process: { out, err } }: Running): string => out + err;
    expect(textOf(replica('c'))).toContain('an address that only this host reaches');
    expect(textOf(replica('b'))).not.toContain('an address that only this host reaches');
  });

  it('turn their key while they talk, and lose neither member nor packet', async () => {
    const old = JSON.parse((await weir(replica('a'), 'keyring', 'list', '--json')).out);
    const { key } = JSON.parse((await weir(replica('a'), 'keyring', 'generate', '--json')).out);
    const newKeyFile = join(folder, 'new.key');
    writeFileSync(newKeyFile, key);
    const packets = (): Promise<number[]> =>
      Promise.all(['a', 'b', 'c'].map((name) => countOf(name, 'packets\\.in')));
    const traffic = async (): Promise<void> => {
      const before = await packets();
      await eventually('packets have come to all', async () => {
        const now = await packets();
        return now.every((count, i) => count >= (before[i] ?? 0) + 4);
      });
    };
    await traffic();
    const installed = await weir(replica('a'), 'keyring', 'install', newKeyFile, '--json');
    const { keyId } = JSON.parse(installed.out);
    await traffic();
    expect((await weir(replica('b'), 'keyring', 'use', keyId)).code).toBe(EXIT.OK);
    await traffic();
    writeFileSync(keyFile, `${key}\n`);
    const removed = await weir(replica('c'), 'keyring', 'remove', old.keys[0].keyId);
    expect([removed.code, removed.err]).toEqual([EXIT.OK, '']);
    await traffic();
    const { keys } = JSON.parse((await weir(replica('c'), 'keyring', 'list', '--json')).out);
    expect(keys).toEqual([{ keyId, installedOn: ['a', 'b', 'c'], usedBy: ['a', 'b', 'c'] }]);
    for (const name of ['a', 'b', 'c']) {
      expect(await countOf(name, 'fault\\.packet\\.not-decryptable')).toBe(0);
      expect(await countOf(name, 'event\\.died')).toBe(0);
      expect(replica(name).process.out + replica(name).process.err).not.toContain(key);
    }
  });

  it('see one die that is killed, and take it back with the new key', async () => {
    replica('b').process.kill('SIGKILL');
    await allSee(['a', 'c'], 'a alive, b dead, c alive');
    const ready = await (await fetch(`http://${replica('a').http}/health/ready`)).text();
    expect(ready).toContain('a replica does not answer');
    running.delete('b');
    await start('b', [replica('a').gossip, replica('c').gossip]);
    await allSee(['a', 'b', 'c'], 'a alive, b alive, c alive');
  }, 180_000);

  it('see one leave that is told to stop', async () => {
    const { process } = replica('c');
    process.kill('SIGTERM');
    expect(await process.end()).toBe(0);
    running.delete('c');
    await allSee(['a', 'b'], 'a alive, b alive, c left');
  });
});
