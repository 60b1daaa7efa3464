import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../common/log.js';
import { type Account, runAs } from './embedded-account.js';
import type { Binaries } from './embedded-binaries.js';
import type { EmbeddedFolder } from './embedded-folder.js';
import { cleanEnvironment, run } from './embedded-instance.js';
import { readPidFile } from './embedded-pid-file.js';
import { StorageError } from './storage-error.js';

export interface ServerRequest {
  readonly folder: EmbeddedFolder;
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly maxConnections: number;
  readonly startTimeoutMs: number;
  readonly log: Log;
}

const POLL_MS = 20;
const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 5000;
const TAIL_LINES = 15;

/** One running postmaster that is our child. It has its own session, out of reach of Ctrl-C. */
export class EmbeddedServer {
  /** Resolves with what the server said last, when it has ended for whatever reason. */
  readonly ended: Promise<string>;
  private readonly tail: string[] = [];
  private isStopping = false;
  private hasEnded = false;

  private constructor(
    private readonly child: ChildProcess,
    private readonly request: ServerRequest,
  ) {
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(this.noteEnd(error.message)));
      child.once('exit', (code, signal) =>
        resolve(this.noteEnd(`it ended (${signal ?? `status ${code}`})`)),
      );
    });
    if (child.stderr) createInterface(child.stderr).on('line', (line) => this.note(line));
  }

  /** Starts PostgreSQL and waits until it accepts connections, also after a crash. */
  static async start(request: ServerRequest): Promise<EmbeddedServer> {
    const child = spawn(request.binaries.program('postgres'), await parameters(request), {
      ...runAs(request.account),
      env: cleanEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    const server = new EmbeddedServer(child, request);
    await server.untilReady();
    return server;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Fast first: it rolls back what runs and writes a checkpoint. Immediate if that takes too long. */
  async stop(): Promise<void> {
    this.isStopping = true;
    await this.signal('SIGINT', 'fast');
    if (await this.endsWithin(FAST_STOP_MS)) return;
    this.request.log.warn(
      { pid: this.pid },
      'the embedded database does not stop; stopping it hard',
    );
    await this.signal('SIGQUIT', 'immediate');
    if (!(await this.endsWithin(IMMEDIATE_STOP_MS))) this.kill();
    await this.ended;
  }

  /** As a crash would end it. */
  kill(): void {
    this.child.kill('SIGKILL');
  }

  private async signal(signal: NodeJS.Signals, mode: string): Promise<void> {
    if (this.hasEnded) return;
    if (process.platform !== 'win32') this.child.kill(signal);
    else await stopByFolder(this.request, mode).catch(() => undefined);
  }

  private async endsWithin(ms: number): Promise<boolean> {
    const timer = new AbortController();
    const late = delay(ms, false, { signal: timer.signal }).catch(() => false);
    const inTime = await Promise.race([this.ended.then(() => true), late]);
    timer.abort();
    return inTime;
  }

  private async untilReady(): Promise<void> {
    const deadline = performance.now() + this.request.startTimeoutMs;
    for (;;) {
      if (this.hasEnded)
        throw new StorageError(`The embedded database did not start: ${await this.ended}`);
      const file = await readPidFile(this.request.folder);
      if (file?.pid === this.pid && file.status === 'ready') return;
      if (performance.now() > deadline) {
        this.kill();
        throw new StorageError(`The embedded database did not get ready: ${this.tail.join(' | ')}`);
      }
      await delay(POLL_MS);
    }
  }

  private noteEnd(reason: string): string {
    this.hasEnded = true;
    return [reason, ...this.tail].join(' | ');
  }

  private note(line: string): void {
    this.tail.push(line);
    if (this.tail.length > TAIL_LINES) this.tail.shift();
    const { log } = this.request;
    if (!this.isStopping && /^(PANIC|FATAL|WARNING):/.test(line)) log.warn({}, `postgres: ${line}`);
    else log.debug({}, `postgres: ${line}`);
  }
}

/** Ends the postmaster of the folder, whoever started it, with PostgreSQL's own program. */
export async function stopByFolder(
  { folder, binaries, account }: Pick<ServerRequest, 'folder' | 'binaries' | 'account'>,
  mode: string,
): Promise<void> {
  await run(
    binaries.program('pg_ctl'),
    ['stop', `--pgdata=${folder.data}`, `--mode=${mode}`, '--wait', '--timeout=30', '--silent'],
    account,
  );
}

async function parameters({ folder, maxConnections }: ServerRequest): Promise<readonly string[]> {
  const settings = {
    ...(await endpointSettings(folder)),
    max_connections: maxConnections,
    shared_buffers: '64MB',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    timezone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_line_prefix: '',
    // Neither statements nor the values of a violated key belong into a log.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  };
  const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
  return ['-D', folder.data, ...options];
}

/** A socket that only the same user and root can open, or a port of this machine on Windows. */
async function endpointSettings(
  folder: EmbeddedFolder,
): Promise<Readonly<Record<string, string | number>>> {
  if (process.platform === 'win32')
    return { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: await freePort() };
  return {
    listen_addresses: '',
    // A list, in which a quoted name may hold commas.
    unix_socket_directories: `"${folder.socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    port: SOCKET_PORT,
  };
}

/** Only a part of the socket's file name. */
export const SOCKET_PORT = 5432;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new StorageError('no free port');
  return address.port;
}
