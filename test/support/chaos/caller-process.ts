import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CallerListener, CallerOrder } from './caller.js';
import type { CallerReport } from './caller-child.js';

const RUN_SOURCES = new URL('../run-sources.mjs', import.meta.url).href;
const CHILD = fileURLToPath(new URL('./caller-child.ts', import.meta.url));

/** `caller-child.ts`, running in the network of this process. */
export class CallerProcess {
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(
    order: CallerOrder,
    private readonly listener: CallerListener,
  ) {
    const args = ['--import', RUN_SOURCES, CHILD, JSON.stringify(order)];
    this.child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = once(this.child, 'close');
    if (this.child.stdout === null) throw new Error('a caller needs an output');
    createInterface({ input: this.child.stdout }).on('line', (line) =>
      this.hear(JSON.parse(line) as CallerReport),
    );
  }

  async stop(): Promise<void> {
    this.child.stdin?.end();
    await this.ended;
    if (this.child.exitCode !== 0) throw new Error(`a caller ended with ${this.child.exitCode}`);
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }

  private hear({ admissions, denied, failed, attempted, acknowledged }: CallerReport): void {
    for (const admission of admissions) this.listener.admitted(admission);
    for (let n = 0; n < denied; n++) this.listener.denied();
    for (let n = 0; n < failed; n++) this.listener.failed();
    for (const [key, amount] of attempted) this.listener.attempted(key, BigInt(amount));
    for (const key of acknowledged) this.listener.acknowledged(key);
  }
}
