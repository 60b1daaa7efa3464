import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe } from '@jest/globals';
import { removeFolderSync } from '../../../src/common/remove-folder.js';
import { isPresent, runs } from './presence.js';
import { waitFor } from '../../support/eventually.js';

const SOURCE = fileURLToPath(new URL('./node/', import.meta.url));
const CACHE = fileURLToPath(new URL('../../../.weir/interop-memberlist/', import.meta.url));
const DEBIAN_SOURCES = '/usr/share/gocode/src/github.com/hashicorp/memberlist';

export type Release = 'new' | 'old';

export const hasGo = isPresent('Go', runs('go', 'version'), 'install Go 1.25 or later');

const hasDebianSources = isPresent(
  'memberlist 0.2.2',
  existsSync(DEBIAN_SOURCES),
  'apt-get install golang-github-hashicorp-memberlist-dev',
);

/** The current release comes through the Go module proxy, 0.2.2 from Debian. */
export const RELEASES: readonly Release[] = hasDebianSources ? ['new', 'old'] : ['new'];

/** For tests that run nodes in Go. */
export const describeWithGo = hasGo ? describe : describe.skip;

export function buildNodes(): void {
  if (hasGo) for (const release of RELEASES) buildNode(release);
}

/** Builds the program once for each change of its source. Test files may run side by side. */
export function buildNode(release: Release): string {
  const folder = `${CACHE}${release}/`;
  const program = `${folder}memberlist-node`;
  const files = readdirSync(SOURCE).filter((file) => release === 'new' || file.endsWith('.go'));
  const changedMs = Math.max(...files.map((file) => statSync(SOURCE + file).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > changedMs) return program;
  const scratch = `${CACHE}${release}-${process.pid}/`;
  mkdirSync(folder, { recursive: true });
  mkdirSync(scratch, { recursive: true });
  for (const file of files) copyFileSync(SOURCE + file, scratch + file);
  const old = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' };
  const env = release === 'old' ? { ...process.env, ...old } : process.env;
  const tags = release === 'old' ? ['-tags', 'old'] : [];
  const args = ['build', ...tags, '-o', 'memberlist-node', '.'];
  execFileSync('go', args, { cwd: scratch, env, stdio: 'pipe' });
  // At once, so that nobody starts half a program.
  renameSync(`${scratch}memberlist-node`, program);
  removeFolderSync(scratch);
  return program;
}

export interface GoMember {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly meta: string;
}

export interface GoEvent {
  readonly kind: string;
  readonly at: number;
  readonly node?: GoMember;
  readonly line?: string;
  readonly hex?: string;
  readonly bytes?: number;
  readonly command?: string;
  readonly error?: string;
  readonly members?: readonly GoMember[];
  readonly score?: number;
  readonly ms?: number;
  readonly joined?: number;
}

/** What may not stand in the log of a node in a healthy cluster. */
const ALARMING = /\[ERR\]|Refuting|Conflicting|incompatible|invalid checksum|not supported/;

/** A running memberlist node, told what to do by lines and observed by lines. */
export class GoNode {
  readonly events: GoEvent[] = [];
  private readonly answers: GoEvent[] = [];

  private constructor(
    readonly name: string,
    private readonly child: ChildProcessWithoutNullStreams,
  ) {
    createInterface({ input: child.stdout }).on('line', (line) => this.read(line));
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.events.push({ kind: 'stderr', line, at: performance.now() });
    });
  }

  static async start(
    release: Release,
    name: string,
    flags: readonly string[] = [],
    wrapper: readonly string[] = [],
  ): Promise<GoNode> {
    const [command = '', ...args] = [...wrapper, buildNode(release), '-name', name, ...flags];
    const node = new GoNode(name, spawn(command, args));
    await waitFor(`${name} to be ready`, () => node.event('ready') ?? node.failure);
    if (node.event('ready') === undefined) throw new Error(`${name} ended: ${node.failure}`);
    return node;
  }

  get address(): string {
    const at = this.event('ready')?.node;
    const bytes = Buffer.from(at?.addr ?? '', 'hex').subarray(-4);
    return `${[...bytes].join('.')}:${at?.port}`;
  }

  event(kind: string, about?: string): GoEvent | undefined {
    return this.all(kind, about)[0];
  }

  all(kind: string, about?: string): readonly GoEvent[] {
    return this.events.filter(
      (event) => event.kind === kind && (about === undefined || event.node?.name === about),
    );
  }

  /** What it said last, if it is not there any more. */
  private get failure(): string | undefined {
    const { exitCode } = this.child;
    return exitCode === null ? undefined : `${exitCode} ${this.all('stderr').at(-1)?.line}`;
  }

  get alarming(): readonly string[] {
    return this.events.flatMap(({ line }) =>
      line !== undefined && ALARMING.test(line) ? [line] : [],
    );
  }

  get suspicions(): readonly string[] {
    return this.events.flatMap(({ line }) => (line?.includes('uspect') === true ? [line] : []));
  }

  /** Sends a command and gives its answer; rejects if the node says that it failed. */
  async tell(command: string): Promise<GoEvent> {
    const before = this.answers.length;
    this.child.stdin.write(`${command}\n`);
    const done = await waitFor(`${this.name} to do "${command}"`, () => this.answers[before]);
    if (done.error !== undefined) throw new Error(`${this.name}: ${command}: ${done.error}`);
    return done;
  }

  async memberNames(): Promise<readonly string[]> {
    const { members } = await this.tell('members');
    return (members ?? []).map(({ name }) => name).toSorted();
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  stop(): void {
    this.child.kill('SIGKILL');
  }

  /** Until its sockets are free for another. */
  async ended(): Promise<void> {
    const { child, name } = this;
    await waitFor(`${name} to end`, () => child.exitCode ?? child.signalCode ?? false);
  }

  private read(line: string): void {
    const event: GoEvent = { ...JSON.parse(line), at: performance.now() };
    if (event.kind === 'done') this.answers.push(event);
    else this.events.push(event);
  }
}
