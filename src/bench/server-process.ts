import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildReport, ChildRequest } from './server-child.js';

const CHILD = fileURLToPath(new URL('./server-child.js', import.meta.url));

/** A server child, and the one question that is asked of it: how much CPU time it has used. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly address: string,
  ) {}

  static async start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const child = fork(CHILD, [...args], { env: { ...process.env, ...env } });
    const report = await nextReport(child);
    if (report.kind !== 'listening') throw new Error(`unexpected report ${report.kind}`);
    return new ServerProcess(child, report.address);
  }

  /** User and system time of the whole process since its start, in microseconds. */
  async cpuMicros(): Promise<number> {
    return (await this.use()).micros;
  }

  async rssBytes(): Promise<number> {
    return (await this.use()).rssBytes;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.ask({ kind: 'stop' });
    await exited;
  }

  private async use(): Promise<Extract<ChildReport, { kind: 'cpu' }>> {
    this.ask({ kind: 'cpu' });
    const report = await nextReport(this.child);
    if (report.kind !== 'cpu') throw new Error(`unexpected report ${report.kind}`);
    return report;
  }

  private ask(request: ChildRequest): void {
    this.child.send(request);
  }
}

async function nextReport(child: ChildProcess): Promise<ChildReport> {
  const heard = new AbortController();
  const { signal } = heard;
  const died = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`the server process ended with code ${String(code)}`);
  });
  try {
    const [report] = (await Promise.race([once(child, 'message', { signal }), died])) as [
      ChildReport,
    ];
    return report;
  } finally {
    heard.abort();
  }
}
