import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from './eventually.js';

const MAIN = join(process.cwd(), 'dist/cli/main.js');

/** `weir` as it was built (`npm run build`), as a process of its own. */
export class WeirProcess {
  out = '';
  err = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(folder: string, args: readonly string[]) {
    const { WEIR_TARGET: _target, ...env } = process.env;
    this.child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()));
    this.ended = once(this.child, 'close').then(() => this.child.exitCode);
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  end(): Promise<number | null> {
    return this.ended;
  }

  async says(text: string): Promise<void> {
    await eventually(
      `weir says "${text}"; it said: ${this.out}${this.err}`,
      () => this.out.includes(text) || this.err.includes(text),
      40_000,
    );
  }
}
