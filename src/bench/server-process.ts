import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildReport, ChildRequest, ChildUse } from './server-child.js';

const CHILD = fileURLToPath(new URL('./server-child.js', import.meta.url));

/** A server child, and the one question that is asked of it: what it has used. */
export class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly address: string,
    /** Where metrics are; empty for the echo. */
    readonly httpAddress: string,
  ) {}

  static async start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ServerProcess> {
    const child = fork(CHILD, [...args], { env: { ...process.env, ...env } });
    const report = await nextReport(child);
    if (report.kind !== 'listening') throw new Error(`unexpected report ${report.kind}`);
    return new ServerProcess(child, report.address, report.httpAddress);
  }

  async use(): Promise<ChildUse> {
    this.ask({ kind: 'use' });
    const report = await nextReport(this.child);
    if (report.kind !== 'use') throw new Error(`unexpected report ${report.kind}`);
    return report;
  }

  async stop(): Promise<void> {
    const exited = once(this.child, 'exit');
    this.ask({ kind: 'stop' });
    await exited;
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
