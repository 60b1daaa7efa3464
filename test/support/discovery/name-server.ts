import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../eventually.js';

export interface NameServerOptions {
  /** Where it may write. */
  readonly folder: string;
  readonly host: string;
  readonly port?: number;
  /** In front of the command. */
  readonly wrapper?: readonly string[];
  readonly ttlSeconds?: number;
  /** More of dnsmasq's options. */
  readonly extra?: readonly string[];
}

/** dnsmasq, really running, whose records are changed while it runs. It owns the zone `lab`. */
export class NameServer {
  private records: readonly (readonly [host: string, name: string])[] = [];
  private child: ChildProcess | undefined;
  private said = '';

  constructor(private readonly options: NameServerOptions) {}

  async start(): Promise<void> {
    this.write();
    const { host, port = 53, wrapper = [], ttlSeconds = 1, extra = [] } = this.options;
    const [file = '', ...args] = [
      ...wrapper,
      'dnsmasq',
      '--keep-in-foreground',
      '--log-facility=-',
      '--conf-file=/dev/null',
      '--no-resolv',
      '--no-hosts',
      '--user=root',
      '--pid-file=',
      `--port=${port}`,
      '--bind-interfaces',
      `--listen-address=${host}`,
      `--addn-hosts=${this.file}`,
      '--local=/lab/',
      `--local-ttl=${ttlSeconds}`,
      ...extra,
    ];
    this.said = '';
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    this.child = child;
    await eventually('dnsmasq has started', () => {
      if (child.exitCode !== null) throw new Error(`dnsmasq ended: ${this.said}`);
      return this.said.includes('started');
    });
    await this.hasRead();
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  /** Replaces all addresses; takes effect at once. */
  async set(records: readonly (readonly [host: string, name: string])[]): Promise<void> {
    this.records = records;
    this.write();
    if (this.child === undefined) return;
    this.said = '';
    this.child.kill('SIGHUP');
    await this.hasRead();
  }

  async add(host: string, name: string): Promise<void> {
    await this.set([...this.records, [host, name]]);
  }

  async remove(host: string): Promise<void> {
    await this.set(this.records.filter(([other]) => other !== host));
  }

  private hasRead(): Promise<void> {
    return eventually('dnsmasq has read its records', () => this.said.includes(this.file));
  }

  private get file(): string {
    return join(this.options.folder, 'records');
  }

  private write(): void {
    writeFileSync(this.file, this.records.map(([host, name]) => `${host} ${name}\n`).join(''));
  }
}
