import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../common/log.js';
import { LinkState, type Member, MemberState } from '../../gen/weir/v1/cluster_service.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../storage/embedded-postgres.js';
import { declareDemoLimit } from './demo-limit.js';
import { DemoLoad, type WindowTally } from './demo-load.js';
import { DemoReplica } from './demo-replica.js';

/** What one replica shows at one moment. */
export interface Glance {
  readonly name: string;
  readonly isRunning: boolean;
  readonly admitted: number;
  readonly denied: number;
  /** Streams to others that are open, of those to members that are up. */
  readonly links: string;
  /** How old its oldest news is, in milliseconds. */
  readonly freshnessMs: number | undefined;
}

const NAMES = ['a', 'b', 'c'] as const;
const CALLS_PER_SECOND = 60;

/** Three replicas on a PostgreSQL of their own, and a load on each. All of it is gone at the end. */
export class DemoCluster {
  readonly windows = new Map<bigint, WindowTally>();
  private readonly replicas = new Map<string, DemoReplica>();
  private readonly gossipPorts = new Map<string, number>();
  private readonly loads = new Map<string, DemoLoad>();

  private constructor(
    private readonly folder: string,
    private readonly postgres: EmbeddedPostgres,
    private readonly env: NodeJS.ProcessEnv,
  ) {}

  static async start(env: NodeJS.ProcessEnv): Promise<DemoCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'weir-cluster-'));
    // Run as root, the database runs as another user, who must be able to pass through.
    await chmod(folder, 0o711);
    const dataDir = join(folder, 'postgres');
    const postgres = await startEmbeddedPostgres({ dataDir, log: silentLog, maxConnections: 100 });
    const cluster = new DemoCluster(folder, postgres, env);
    try {
      for (const name of NAMES) await cluster.join(name);
      await cluster.declare();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Starts the replica of that name, and its load. */
  async join(name: string): Promise<void> {
    const peers = [...this.replicas.values()].map(({ gossipAddress }) => gossipAddress);
    const { folder, env } = this;
    const gossipPort = this.gossipPorts.get(name) ?? 0;
    const request = { name, folder, env, peers, gossipPort, databaseUrl: this.postgres.url };
    const replica = await DemoReplica.start(request);
    this.gossipPorts.set(name, Number(replica.gossipAddress.split(':').at(-1)));
    this.replicas.set(name, replica);
    this.loads.get(name)?.start(replica.connection);
  }

  startLoad(): void {
    for (const [name, replica] of this.replicas) {
      const load = new DemoLoad(this.windows, CALLS_PER_SECOND);
      this.loads.set(name, load);
      load.start(replica.connection);
    }
  }

  async kill(name: string): Promise<void> {
    const replica = this.replicas.get(name);
    this.replicas.delete(name);
    await replica?.kill();
    await this.loads.get(name)?.stop();
  }

  glances(): Promise<readonly Glance[]> {
    return Promise.all(NAMES.map((name) => this.glance(name)));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.loads.values()].map((load) => load.stop()));
    await Promise.all([...this.replicas.values()].map((replica) => replica.stop()));
    await this.postgres.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async declare(): Promise<void> {
    const [first] = this.replicas.values();
    if (first !== undefined) await declareDemoLimit(first.connection);
  }

  private async glance(name: string): Promise<Glance> {
    const { admitted = 0, denied = 0 } = this.loads.get(name) ?? {};
    const replica = this.replicas.get(name);
    const gone = { name, isRunning: false, admitted, denied, links: '-', freshnessMs: undefined };
    if (replica === undefined) return gone;
    const { cluster } = replica.connection;
    const [{ members }, { freshness }] = await Promise.all([
      cluster.listMembers({}),
      cluster.getReplicaStatus({}),
    ]);
    const freshnessMs =
      freshness && Number(freshness.seconds) * 1_000 + freshness.nanos / 1_000_000;
    return { ...gone, isRunning: true, links: linksOf(members), freshnessMs };
  }
}

function linksOf(members: readonly Member[]): string {
  const others = members.filter(
    ({ isSelf, state }) => !isSelf && state === MemberState.MEMBER_STATE_ALIVE,
  );
  const open = others.filter(({ link }) => link === LinkState.LINK_STATE_OPEN);
  return `${open.length}/${others.length}`;
}
