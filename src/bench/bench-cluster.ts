import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DemoReplica } from '../cli/cluster-demo/demo-replica.js';
import type { Connection } from '../cli/connection.js';
import { silentLog } from '../common/log.js';
import { LinkState, MemberState } from '../gen/weir/v1/cluster_service.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../storage/embedded-postgres.js';

const NAMES = ['a', 'b', 'c'] as const;
const LINKED_MAX_MS = 30_000;

/** Three replicas as processes of their own, on one PostgreSQL and on loopback. */
export class BenchCluster {
  private readonly replicas: DemoReplica[] = [];

  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
  ) {}

  /** `cluster` is what else to set in that block. */
  static async start(cluster: Readonly<Record<string, unknown>> = {}): Promise<BenchCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-bench-'));
    await chmod(folder, 0o711);
    const dataDir = join(folder, 'postgres');
    const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog, maxConnections: 100 });
    const started = new BenchCluster(folder, postgres);
    for (const name of NAMES) await started.join(name, cluster);
    await started.untilLinked();
    return started;
  }

  get connections(): readonly Connection[] {
    return this.replicas.map(({ connection }) => connection);
  }

  private async join(name: string, cluster: Readonly<Record<string, unknown>>): Promise<void> {
    const peers = this.replicas.map(({ gossipAddress }) => gossipAddress);
    const { folder, postgres } = this;
    const at = { name, folder, peers, cluster, gossipPort: 0, databaseUrl: postgres.url };
    this.replicas.push(await DemoReplica.start({ ...at, env: process.env }));
  }

  async stop(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.stop()));
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async untilLinked(): Promise<void> {
    const deadline = performance.now() + LINKED_MAX_MS;
    for (const { cluster } of this.connections)
      while (!(await isLinked(cluster, this.replicas.length))) {
        if (performance.now() > deadline) throw new Error('the replicas do not link');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
  }
}

async function isLinked(cluster: Connection['cluster'], replicas: number): Promise<boolean> {
  const { members } = await cluster.listMembers({});
  const alive = members.filter(({ state }) => state === MemberState.MEMBER_STATE_ALIVE);
  const linked = alive.filter(({ isSelf, link }) => isSelf || link === LinkState.LINK_STATE_OPEN);
  return alive.length === replicas && linked.length === replicas;
}
