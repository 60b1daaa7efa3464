import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { eventually } from './eventually.js';

const RUN_SOURCES = pathToFileURL(join(process.cwd(), 'test/support/run-sources.mjs')).href;
const MAIN = join(process.cwd(), 'src/cli/main.ts');
const BUILT_MAIN = join(process.cwd(), 'dist/cli/main.js');

/** `weir`, as a process of its own: from its sources, or as it was built, which starts much sooner. */
export class WeirProcess {
  out = '';
  err = '';
  private readonly child: ChildProcess;
  private readonly ended: Promise<number | null>;

  constructor(folder: string, args: readonly string[], { isBuilt = false } = {}) {
    const { WEIR_TARGET: _target, ...env } = process.env;
    const main = isBuilt ? [BUILT_MAIN] : ['--import', RUN_SOURCES, MAIN];
    this.child = spawn(process.execPath, [...main, ...args], {
      cwd: folder,
      env,
    });
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
