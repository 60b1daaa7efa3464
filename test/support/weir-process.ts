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

  /** `wrapper` goes in front of the command, such as `ip netns exec NAME`. */
  constructor(folder: string, args: readonly string[], wrapper: readonly string[] = []) {
    const { WEIR_TARGET: _target, ...env } = process.env;
    const [file = process.execPath, ...rest] = [...wrapper, process.execPath, MAIN, ...args];
    this.child = spawn(file, rest, { cwd: folder, env });
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

  async says(text: string, deadlineMs = 120_000): Promise<void> {
    const isSaid = (): boolean => {
      if (this.out.includes(text) || this.err.includes(text)) return true;
      if (this.child.exitCode !== null) throw new Error('weir has ended');
      return false;
    };
    await eventually(`weir says "${text}"`, isSaid, deadlineMs).catch((error: unknown) => {
      throw new Error(`${String(error)}; it said: ${this.out}${this.err}`, { cause: error });
    });
  }
}
