import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLog } from '../../common/log.js';
import { removeFolder } from '../../common/remove-folder.js';
import { LinkState, MemberState } from '../../gen/weir/v1/cluster_service.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../storage/embedded-postgres.js';
import type { Connection } from '../connection.js';
import { DemoReplica } from './demo-replica.js';

export const REPLICAS = ['a', 'b', 'c'] as const;
const LINKED_MAX_MS = 30_000;

export interface LocalClusterOptions {
  readonly env: NodeJS.ProcessEnv;
  /** What else to set in the block `cluster`. */
  readonly cluster?: Readonly<Record<string, unknown>>;
}

/**
 * Three replicas as processes of their own, on a PostgreSQL of their own and on loopback. All of it is gone
 * at the end, also if it never came up.
 */
export class LocalCluster {
  private readonly running = new Map<string, DemoReplica>();
  private readonly gossipPorts = new Map<string, number>();

  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
    private readonly options: LocalClusterOptions,
  ) {}

  static async start(options: LocalClusterOptions): Promise<LocalCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-cluster-'));
    const cluster = await startDatabase(folder).then(
      (postgres) => new LocalCluster(folder, postgres, options),
      async (error: unknown) => {
        await removeFolder(folder);
        throw error;
      },
    );
    try {
      for (const name of REPLICAS) await cluster.join(name);
      await cluster.untilLinked();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Of those that run. */
  get connections(): readonly Connection[] {
    return [...this.running.values()].map(({ connection }) => connection);
  }

  /** Undefined while that one does not run. */
  connection(name: string): Connection | undefined {
    return this.running.get(name)?.connection;
  }

  /** Starts the replica of that name, at its old address if it had one. */
  async join(name: string): Promise<Connection> {
    const { folder, postgres, options } = this;
    const replica = await DemoReplica.start({
      ...options,
      name,
      folder,
      peers: [...this.running.values()].map(({ gossipAddress }) => gossipAddress),
      gossipPort: this.gossipPorts.get(name) ?? 0,
      databaseUrl: postgres.url,
    });
    this.gossipPorts.set(name, Number(replica.gossipAddress.split(':').at(-1)));
    this.running.set(name, replica);
    return replica.connection;
  }

  async kill(name: string): Promise<void> {
    const replica = this.running.get(name);
    this.running.delete(name);
    await replica?.kill();
  }

  async stop(): Promise<void> {
    try {
      await Promise.all([...this.running.values()].map((replica) => replica.stop()));
    } finally {
      await this.postgres.stop();
      await removeFolder(this.folder);
    }
  }

  private async untilLinked(): Promise<void> {
    const deadline = performance.now() + LINKED_MAX_MS;
    for (const { cluster } of this.connections)
      while (!(await isLinked(cluster))) {
        if (performance.now() > deadline) throw new Error('the replicas do not link');
        await delay(20);
      }
  }
}

async function startDatabase(folder: string): Promise<EmbeddedPostgres> {
  // Run as root, the database runs as another user, who must be able to pass through.
  await chmod(folder, 0o711);
  const dataDir = join(folder, 'postgres');
  return startEmbeddedPostgres({ dataDir, log: silentLog, maxConnections: 100 });
}

async function isLinked(cluster: Connection['cluster']): Promise<boolean> {
  const { members } = await cluster.listMembers({});
  const alive = members.filter(({ state }) => state === MemberState.MEMBER_STATE_ALIVE);
  const linked = alive.filter(({ isSelf, link }) => isSelf || link === LinkState.LINK_STATE_OPEN);
  return alive.length === REPLICAS.length && linked.length === REPLICAS.length;
}
