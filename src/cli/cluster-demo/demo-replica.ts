import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { connect, type Connection } from '../connection.js';
import { CliError, EXIT } from '../exit-code.js';
import { withoutSettings } from '../own-service.js';

export interface DemoReplicaRequest {
  readonly name: string;
  /** Holds its settings and its journal. */
  readonly folder: string;
  readonly databaseUrl: string;
  /** Where the gossip of others listens. */
  readonly peers: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Of its own gossip: a replica that comes back does so at its old address. */
  readonly gossipPort: number;
  /** More settings of `cluster`. */
  readonly cluster?: Readonly<Record<string, unknown>> | undefined;
}

/** The command line beside this folder, whatever program runs the replicas. */
const PROGRAM = fileURLToPath(new URL(`../main${extname(import.meta.url)}`, import.meta.url));
const START_MAX_MS = 60_000;
const STOP_MAX_MS = 30_000;
const HOST = '127.0.0.1';

/** One replica of the demonstration: `weir serve`, as a process of its own, on free ports of loopback. */
export class DemoReplica {
  private constructor(
    readonly name: string,
    readonly connection: Connection,
    /** Where its gossip listens. */
    readonly gossipAddress: string,
    private readonly child: ChildProcess,
  ) {}

  /** @throws CliError with what the process said, if it does not come up. */
  static async start(request: DemoReplicaRequest): Promise<DemoReplica> {
    const { name, env } = request;
    const configFile = await writeSettings(request);
    const args = [...process.execArgv, PROGRAM, 'serve', '--json', '--config', configFile];
    const child = spawn(process.execPath, args, {
      env: withoutSettings(env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const grpcAddress = await addressFrom(child, name);
    const connection = connect(grpcAddress);
    const { self } = await connection.cluster.getReplicaStatus({});
    return new DemoReplica(name, connection, self?.address ?? '', child);
  }

  /** As a crash would end it: nothing is said to anybody. */
  async kill(): Promise<void> {
    this.connection.close();
    await this.end('SIGKILL');
  }

  async stop(): Promise<void> {
    this.connection.close();
    const insist = setTimeout(() => this.child.kill('SIGKILL'), STOP_MAX_MS);
    await this.end('SIGTERM');
    clearTimeout(insist);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

async function writeSettings(request: DemoReplicaRequest): Promise<string> {
  const { name, folder, databaseUrl, peers, gossipPort } = request;
  await mkdir(folder, { recursive: true });
  const file = join(folder, `${name}.yaml`);
  const settings = {
    grpc: { port: 0 },
    http: { port: 0 },
    log: { level: 'warn' },
    shutdown: { drainDelayMs: 0 },
    journal: { dataDir: join(folder, `${name}-journal`) },
    storage: { postgres: { url: databaseUrl } },
    cluster: {
      enabled: true,
      name: 'demo',
      nodeName: name,
      peers: [...peers],
      ...request.cluster,
      grpc: { host: HOST, port: 0 },
      gossip: { bindHost: HOST, port: gossipPort },
    },
  };
  await writeFile(file, stringify(settings), { mode: 0o600 });
  return file;
}

/** The first line that the process prints says where it answers. */
function addressFrom(child: ChildProcess, name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = '';
    let said = '';
    const fail = (why: string): void => {
      clearTimeout(late);
      child.kill('SIGKILL');
      reject(new CliError(`Replica ${name} ${why}.\n${said}`.trimEnd(), EXIT.FAILED));
    };
    const late = setTimeout(() => fail(`did not start within ${START_MAX_MS} ms`), START_MAX_MS);
    child.once('exit', (code) => fail(`ended at its start with code ${code}`));
    child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)));
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      const found = /"grpcAddress":\s*"([^"]+)"/.exec(out)?.[1];
      if (found === undefined) return;
      clearTimeout(late);
      child.removeAllListeners('exit');
      resolve(found);
    });
  });
}
