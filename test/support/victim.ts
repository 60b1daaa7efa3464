import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorCode } from '../../src/storage/postgres-error.js';
import { freePorts, ownHost } from './own-host.js';
import { WeirProcess } from './weir-process.js';

/** The service and its database, which can be killed and come back on the same ports. */
export class Victim {
  readonly kills = { service: 0, database: 0 };
  private process: WeirProcess | undefined;
  private isStopped = false;
  private lastWords = '';

  private constructor(
    private readonly folder: string,
    private readonly ports: readonly number[],
  ) {}

  /** Not started yet. */
  static async in(folder: string): Promise<Victim> {
    return new Victim(folder, await freePorts(2));
  }

  get address(): string {
    return `${ownHost()}:${this.ports[0]}`;
  }

  start(): void {
    const [grpc, http] = this.ports;
    const ports = ['--grpc-port', String(grpc), '--http-port', String(http)];
    const hosts = ['--set', `grpc.host=${ownHost()}`, '--set', `http.host=${ownHost()}`];
    const args = ['serve', ...ports, ...hosts, '--set', 'log.level=error'];
    const started = new WeirProcess(this.folder, args);
    this.process = started;
    void started.end().then(() => this.restart(started));
  }

  /** What any supervisor does with a service that has ended, for whatever reason. */
  private async restart(ended: WeirProcess): Promise<void> {
    if (this.isStopped || this.process !== ended) return;
    this.lastWords = `${ended.out}${ended.err}`.slice(-1_000);
    await delay(200);
    if (!this.isStopped) this.start();
  }

  async killService(): Promise<void> {
    this.kills.service += 1;
    this.process?.kill('SIGKILL');
    await this.process?.end();
  }

  /** The service notices, and starts its database again. Nothing is killed between two databases. */
  async killDatabase(): Promise<void> {
    const pidFile = join(this.folder, '.weir/postgres/instance/data/postmaster.pid');
    const text = await readFile(pidFile, 'utf8').catch(() => '');
    const pid = Number(text.split('\n')[0]);
    if (!(pid > 1)) return;
    try {
      process.kill(pid, 'SIGKILL');
      this.kills.database += 1;
    } catch (error) {
      if (errorCode(error) !== 'ESRCH') throw error;
    }
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.process?.kill('SIGTERM');
    await this.process?.end();
  }

  get words(): string {
    const { out = '', err = '' } = this.process ?? {};
    return `${this.lastWords}${out}${err}`.slice(-2_000);
  }
}
