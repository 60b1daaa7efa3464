import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../eventually.js';

const LOG_CHARS_MAX = 20_000;

/** A server that others wrote, started and killed again and again with the same arguments. */
export class ServerProcess {
  private child: ChildProcess | undefined;
  private said = '';

  constructor(
    private readonly name: string,
    private readonly command: readonly string[],
    private readonly isUp: () => Promise<boolean>,
  ) {}

  async start(): Promise<void> {
    const [file = '', ...args] = this.command;
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => this.hear(chunk.toString()));
    this.child = child;
    await eventually(`${this.name} answers`, () => this.answers(child), 120_000);
  }

  /** As a machine that loses its power: what is on its disk stays. */
  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  /** The process stays, and answers nobody. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  private async answers(child: ChildProcess): Promise<boolean> {
    if (child.exitCode !== null) throw new Error(`${this.name} ended: ${this.said}`);
    try {
      return await this.isUp();
    } catch {
      return false;
    }
  }

  private hear(text: string): void {
    this.said = (this.said + text).slice(-LOG_CHARS_MAX);
  }
}
