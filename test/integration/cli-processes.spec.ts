import { existsSync } from 'node:fs';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EXIT } from '../../src/cli/exit-code.js';
import { removeFolder } from '../../src/common/remove-folder.js';
import { eventually } from '../support/eventually.js';
import { freePorts, ownHost } from '../support/own-host.js';
import { writeTraceFiles } from '../support/trace-file.js';
import { WeirProcess } from '../support/weir-process.js';

let folder: string;
const running: WeirProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir with space '));
  await chmod(folder, 0o755);
});

afterEach(async () => {
  // SIGTERM, so that each takes its database with it.
  for (const process of running) process.kill('SIGTERM');
  await Promise.all(running.splice(0).map((process) => process.end()));
  await removeFolder(folder);
});

function weir(...args: readonly string[]): WeirProcess {
  const process = new WeirProcess(folder, args);
  running.push(process);
  return process;
}

const ANY_PORTS = ['--grpc-port', '0', '--http-port', '0'];
const QUIET = ['--set', 'log.level=warn'];

interface Story {
  readonly grpcAddress: string;
  readonly calls: readonly { readonly allowed: boolean; readonly reason: string }[];
}

function expectBothDenials(story: Story): void {
  const reasons = story.calls.map(({ reason }) => reason);
  expect(reasons).toContain('RATE_LIMITED');
  expect(reasons.at(-1)).toBe('BUDGET_EXHAUSTED');
  expect(story.calls.filter(({ allowed }) => allowed).length).toBeGreaterThan(2);
}

describe('weir quickstart', () => {
  it('shows both denials, leaves the service running, and ends with a signal', async () => {
    const first = weir('quickstart', ...ANY_PORTS);
    await first.says('Ctrl-C stops it');
    expect(first.out).toMatch(/DENIED +RATE_LIMITED \(5\/10s\)/);
    expect(first.out).toMatch(/DENIED +BUDGET_EXHAUSTED .*\$0\.00/);

    const [, usage = ''] = /weir (?:-- )?(usage .*)/.exec(first.out) ?? [];
    const copied = weir(...usage.split(' '));
    expect(await copied.end()).toBe(EXIT.OK);
    expect(copied.out).toContain('$0.10');

    const taken = weir(
      'quickstart',
      '--folder',
      'other',
      '--http-port',
      '0',
      '--grpc-port',
      /127.0.0.1:(\d+)/.exec(first.out)?.[1] ?? '',
    );
    expect(await taken.end()).toBe(EXIT.USAGE);
    expect(taken.err).toMatch(/EADDRINUSE.*\n?.*--grpc-port/s);

    first.kill('SIGINT');
    expect(await first.end()).toBe(EXIT.OK);
    expect(existsSync(join(folder, '.weir', 'quickstart.json'))).toBe(false);
  }, 300_000);

  it('works again on the same folder, while it runs and after', async () => {
    const first = weir('quickstart', ...ANY_PORTS);
    await first.says('Ctrl-C stops it');
    const beside = weir('quickstart', '--exit', '--json');
    expect(await beside.end()).toBe(EXIT.OK);
    expect(beside.err).toContain('is running here already');
    expectBothDenials(JSON.parse(beside.out));

    first.kill('SIGTERM');
    expect(await first.end()).toBe(EXIT.OK);
    const after = weir('quickstart', '--exit', '--json', ...ANY_PORTS);
    expect(await after.end()).toBe(EXIT.OK);
    expectBothDenials(JSON.parse(after.out));
  }, 300_000);
});

describe('weir serve', () => {
  it('says where it listens, and ends cleanly with SIGTERM', async () => {
    const service = weir('serve', '--json', ...QUIET, ...ANY_PORTS);
    await service.says('httpAddress');
    const { grpcAddress, httpAddress } = JSON.parse(service.out);
    expect((await fetch(`http://${httpAddress}/health/ready`)).status).toBe(200);
    expect(await weir('usage', '--root', '--target', grpcAddress).end()).toBe(EXIT.OK);
    service.kill('SIGTERM');
    expect(await service.end()).toBe(EXIT.OK);
  }, 300_000);

  it('takes its database with it also when it is asked to stop while it starts', async () => {
    const drainsAtOnce = ['--set', 'shutdown.drainDelayMs=0'];
    const service = weir('serve', '--json', ...QUIET, ...drainsAtOnce, ...ANY_PORTS);
    const lock = join(folder, '.weir/postgres/instance/data/postmaster.pid');
    await eventually('its database runs', () => existsSync(lock), 120_000);
    service.kill('SIGTERM');
    expect(await service.end()).toBe(EXIT.OK);
    expect(existsSync(lock)).toBe(false);
  }, 300_000);

  it('gives up waiting for a database when it is asked to stop', async () => {
    const nobody = ['--set', 'storage.postgres.url=postgres://weir@127.0.0.1:1/weir'];
    const forever = ['--set', 'storage.postgres.startTimeoutSeconds=3600'];
    const service = weir('serve', ...QUIET, ...nobody, ...forever, ...ANY_PORTS);
    await service.says('Waiting 3600 s more');
    service.kill('SIGTERM');
    expect(await service.end()).toBe(EXIT.OK);
    expect(service.err).toContain('Stopping as soon as the start allows');
  }, 300_000);

  it('lists every fault of its settings at once', async () => {
    const service = weir('serve', '--set', 'grpc.port=minus', '--set', 'log.levle=debug');
    expect(await service.end()).toBe(EXIT.USAGE);
    expect(service.err).toContain('grpc.port');
    expect(service.err).toContain('log.levle');
  }, 300_000);
});

describe('weir replay', () => {
  it('starts a service of its own, and takes it away again', async () => {
    const { trace, prices } = await writeTraceFiles(folder, { rows: 200 });
    const replay = weir('replay', '--trace', trace, '--prices', prices, '--keys', '3', '--json');
    expect(await replay.end()).toBe(EXIT.OK);
    expect(JSON.parse(replay.out)).toMatchObject({ admitted: 200, equal: true });
  }, 300_000);

  it('goes on when the service is killed in the middle, and loses or doubles nothing', async () => {
    const { trace, prices } = await writeTraceFiles(folder, { rows: 2_000 });
    const [port] = await freePorts(1);
    const at = ['--set', `grpc.host=${ownHost()}`, '--grpc-port', `${port}`];
    const serve = ['serve', '--json', ...QUIET, ...at, '--http-port', '0'];
    const first = weir(...serve);
    await first.says('httpAddress');

    const target = `${ownHost()}:${port}`;
    const args = ['replay', '--trace', trace, '--prices', prices, '--target', target, '--run', 'k'];
    // Slow enough to be killed in the middle, also by a test that is kept waiting for some seconds.
    const replay = weir(...args, '--json', '--speed', '200');
    await replay.says('20%');
    first.kill('SIGKILL');
    await first.end();
    const second = weir(...serve);
    expect(await replay.end()).toBe(EXIT.OK);
    expect(replay.err).toContain('Lost the service');
    expect(replay.err).toContain('answers again');
    const report = JSON.parse(replay.out);
    expect(report).toMatchObject({ calls: 2_000, equal: true });

    const resumed = weir(...args, '--json');
    expect(await resumed.end()).toBe(EXIT.OK);
    expect(JSON.parse(resumed.out)).toMatchObject({
      debitsReplayed: 2_000,
      equal: true,
      ledger: report.ledger,
    });
    second.kill('SIGTERM');
    expect(await second.end()).toBe(EXIT.OK);
  }, 300_000);

  it('stops when it is asked to, and says how to go on', async () => {
    const { trace, prices } = await writeTraceFiles(folder, { rows: 100 });
    const replay = weir('replay', '--trace', trace, '--prices', prices, '--speed', '1');
    await replay.says('Replaying 100 calls');
    replay.kill('SIGINT');
    expect(await replay.end()).toBe(EXIT.FAILED);
    expect(replay.err).toMatch(/Stopped after \d+ of 100 calls/);
  }, 300_000);
});
