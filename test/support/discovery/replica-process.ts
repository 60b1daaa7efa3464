import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { PeerSetCounts } from '../../../src/discovery/core/peer-set.js';
import type { SourceStatus } from '../../../src/discovery/core/source-book.js';
import type { PeerAddress, SourceFault } from '../../../src/discovery/peer-source.js';
import { compiledSource } from '../compiled-sources.js';
import { eventually } from '../eventually.js';
import { RecordingPeerListener } from '../recording-peer-listener.js';
import type { ReplicaChildOrder } from './replica-child.js';

const CHILD = fileURLToPath(new URL('./replica-child.ts', import.meta.url));

/** What a replica says of itself, ten times a second. */
export interface MembersEvent {
  readonly names: readonly string[];
  readonly sources: readonly SourceStatus[];
  readonly counts: PeerSetCounts;
}

type ChildEvent =
  | { readonly event: 'started' | 'stopped' }
  | { readonly event: 'found'; readonly peers: readonly PeerAddress[] }
  | ({ readonly event: 'failed' } & SourceFault)
  | { readonly event: 'log'; readonly level: string; readonly message: string }
  | ({ readonly event: 'members' } & MembersEvent);

/** `replica-child.ts`, running, perhaps in a network namespace. */
export class ReplicaProcess {
  readonly seen = new RecordingPeerListener();
  readonly logs: string[] = [];
  members: MembersEvent | undefined;
  private hasStarted = false;
  private errors = '';

  private constructor(private readonly child: ChildProcess) {
    child.stderr?.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.hear(JSON.parse(line) as ChildEvent);
    });
  }

  static async start(
    order: ReplicaChildOrder,
    wrapper: readonly string[] = [],
  ): Promise<ReplicaProcess> {
    const command = [...wrapper, process.execPath, compiledSource(CHILD)];
    const [file, ...args] = [...command, JSON.stringify(order)];
    const replica = new ReplicaProcess(spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
    await eventually('the replica has started', () => replica.isUp(), 120_000);
    return replica;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.end();
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.end();
  }

  /** Waits until these, and nobody else, are members that are up. */
  async knows(...names: readonly string[]): Promise<void> {
    await eventually(
      `${names.join(', ')} are the members`,
      () => this.members?.names.join() === names.join(),
      60_000,
    );
  }

  private isUp(): boolean {
    if (this.child.exitCode !== null) throw new Error(`the replica ended: ${this.errors}`);
    return this.hasStarted;
  }

  private async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    await once(this.child, 'close');
  }

  private hear(event: ChildEvent): void {
    switch (event.event) {
      case 'started':
        this.hasStarted = true;
        return;
      case 'found':
        this.seen.found(event.peers);
        return;
      case 'failed':
        this.seen.failed(event);
        return;
      case 'members':
        this.members = event;
        return;
      case 'log':
        this.logs.push(`${event.level} ${JSON.stringify(event)}`);
        return;
      case 'stopped':
        return;
    }
  }
}
