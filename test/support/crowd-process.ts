import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CrowdAnswer, CrowdRun } from './crowd-client.js';

const RUN_SOURCES = new URL('./run-sources.mjs', import.meta.url).href;
const CLIENT = fileURLToPath(new URL('./crowd-client.ts', import.meta.url));

/** `crowd-client.ts`, in a process of its own. */
export class CrowdProcess {
  private readonly child: ChildProcess;
  private readonly lines: Interface;

  constructor() {
    this.child = spawn(process.execPath, ['--import', RUN_SOURCES, CLIENT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = this.child;
    if (stdout === null) throw new Error('the client has no output');
    this.lines = createInterface({ input: stdout });
  }

  async run(run: CrowdRun): Promise<CrowdAnswer> {
    const answered = once(this.lines, 'line');
    this.child.stdin?.write(`${JSON.stringify(run)}\n`);
    const [line] = (await answered) as [string];
    return JSON.parse(line) as CrowdAnswer;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.child.stdin?.end();
    await exited;
  }
}
