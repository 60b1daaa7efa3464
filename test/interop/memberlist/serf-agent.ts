import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { isPresent } from './presence.js';
import { waitFor } from '../../support/eventually.js';

const SERF = '/usr/bin/serf';

export const hasSerf = isPresent('serf', existsSync(SERF), 'apt-get install serf');

/** Versions that serf's peers must speak beside memberlist's own. */
export const SERF_VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
export const SERF_GO_FLAGS = ['-dvsn', '2,5,5'] as const;

/** A serf agent from Debian: a third program on the same protocol. */
export class SerfAgent {
  private log = '';

  private constructor(
    readonly address: string,
    private readonly rpc: string,
    private readonly child: ChildProcess,
  ) {
    const keep = (chunk: unknown): void => void (this.log += String(chunk));
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
  }

  /** On a host of its own, whose ports nobody else takes. */
  static async start(name: string, host: string): Promise<SerfAgent> {
    const address = `${host}:7946`;
    const rpc = `${host}:7373`;
    const flags = [`-node=${name}`, `-bind=${address}`, `-rpc-addr=${rpc}`, '-tag', 'role=third'];
    const child = spawn(SERF, ['agent', '-profile=lan', '-log-level=debug', ...flags]);
    const agent = new SerfAgent(address, rpc, child);
    await waitFor('serf to listen', () => agent.log.includes('agent: Serf agent starting'));
    await waitFor('serf to answer', async () => (await agent.tryMembers()) !== undefined);
    return agent;
  }

  /** `name status` of each member. */
  async members(): Promise<readonly string[]> {
    return (await this.tryMembers()) ?? [];
  }

  /** Asynchronous, because the agent may talk to a node in this very process meanwhile. */
  async run(...args: readonly string[]): Promise<string> {
    const [command = '', ...rest] = args;
    const { stdout } = await promisify(execFile)(SERF, [command, `-rpc-addr=${this.rpc}`, ...rest]);
    return stdout;
  }

  get alarming(): readonly string[] {
    return this.log
      .split('\n')
      .filter((line) =>
        /\[ERR\]|Refuting|Conflicting|incompatible|invalid checksum|Suspect/.test(line),
      );
  }

  /** Until its ports are free for another. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'close');
  }

  private async tryMembers(): Promise<readonly string[] | undefined> {
    try {
      const { members } = JSON.parse(await this.run('members', '-format=json'));
      return members.map((each: { name: string; status: string }) => `${each.name} ${each.status}`);
    } catch {
      return undefined;
    }
  }
}
