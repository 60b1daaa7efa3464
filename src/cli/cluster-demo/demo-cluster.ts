import { LinkState, type Member, MemberState } from '../../gen/weir/v1/cluster_service.js';
import { fromDuration } from '../../rpc/proto-time.js';
import { declareDemoLimit } from './demo-limit.js';
import { DemoLoad, type WindowTally } from './demo-load.js';
import { LocalCluster, REPLICAS } from './local-cluster.js';

/** What one replica shows at one moment. */
export interface Glance {
  readonly name: string;
  readonly isRunning: boolean;
  readonly admitted: number;
  /** Streams to others that are open, of those to members that are up. */
  readonly links: string;
  /** How old its oldest news is, in milliseconds. */
  readonly freshnessMs: number | undefined;
}

const CALLS_PER_SECOND = 60;

/** A local cluster with one limit, and a load on each replica. */
export class DemoCluster {
  readonly windows = new Map<bigint, WindowTally>();
  private readonly loads = new Map<string, DemoLoad>();

  private constructor(private readonly cluster: LocalCluster) {}

  static async start(env: NodeJS.ProcessEnv): Promise<DemoCluster> {
    const cluster = await LocalCluster.start({ env });
    try {
      const [first] = cluster.connections;
      if (first !== undefined) await declareDemoLimit(first);
      return new DemoCluster(cluster);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  /** Starts the replica of that name, and its load. */
  async join(name: string): Promise<void> {
    this.loads.get(name)?.start(await this.cluster.join(name));
  }

  startLoad(): void {
    for (const name of REPLICAS) {
      const load = new DemoLoad(this.windows, CALLS_PER_SECOND);
      const connection = this.cluster.connection(name);
      this.loads.set(name, load);
      if (connection !== undefined) load.start(connection);
    }
  }

  async kill(name: string): Promise<void> {
    await this.cluster.kill(name);
    await this.loads.get(name)?.stop();
  }

  glances(): Promise<readonly Glance[]> {
    return Promise.all(REPLICAS.map((name) => this.glance(name)));
  }

  async stop(): Promise<void> {
    await Promise.all([...this.loads.values()].map((load) => load.stop()));
    await this.cluster.stop();
  }

  private async glance(name: string): Promise<Glance> {
    const admitted = this.loads.get(name)?.admitted ?? 0;
    const connection = this.cluster.connection(name);
    const gone = { name, isRunning: false, admitted, links: '-', freshnessMs: undefined };
    if (connection === undefined) return gone;
    const [{ members }, { freshness }] = await Promise.all([
      connection.cluster.listMembers({}),
      connection.cluster.getReplicaStatus({}),
    ]);
    const freshnessMs = freshness && fromDuration(freshness);
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
