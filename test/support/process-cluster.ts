import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Connection } from '../../src/cli/connection.js';
import { LinkState, type Member, MemberState } from '../../src/gen/weir/v1/cluster_service.js';
import { fromDuration } from '../../src/rpc/proto-time.js';
import { eventually } from './eventually.js';
import { ownHost } from './own-host.js';
import { WeirProcess } from './weir-process.js';

/** Where one replica runs. */
export interface Machine {
  readonly slot: string;
  readonly host: string;
  readonly gossipPort: number;
  readonly peerPort: number;
  /** In front of a command that is to run there. */
  readonly wrapper: readonly string[];
  /** Under which its peers know it, if not its own. */
  readonly advertiseHost?: string;
}

export interface ClusterPlace {
  /** For settings and journals. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly machines: readonly Machine[];
}

/** Below those that the system gives to whoever asks for any. */
const GRPC_PORT = 10_100;
const RECOVERY_MS = 180_000;
/** News that old comes from a replica that is heard: idle ones speak every 250 ms. */
const HEARD_MS = 600;

/**
 * Machines on loopback: addresses that nobody else takes, so that a replica finds its ports free when it
 * comes back.
 */
export const loopbackMachines = (slots: readonly string[]): readonly Machine[] =>
  slots.map((slot, n) => ({
    slot,
    host: ownHost(10 + n),
    gossipPort: 7_946,
    peerPort: 10_102,
    wrapper: [],
  }));

/** Replicas as they are deployed: processes at known addresses, on one database. */
export class ProcessCluster {
  private readonly running = new Map<string, WeirProcess>();
  /** Of all, also while they do not run. */
  readonly connections = new Map<string, Connection>();

  constructor(private readonly place: ClusterPlace) {
    for (const { slot, host } of place.machines)
      this.connections.set(slot, connect(`${host}:${GRPC_PORT}`, RECOVERY_MS));
  }

  get slots(): readonly string[] {
    return this.place.machines.map(({ slot }) => slot);
  }

  /** Of their gRPC, by slot. */
  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.connections].map(([slot, { address }]) => [slot, address]));
  }

  connection(slot: string): Connection {
    const found = this.connections.get(slot);
    if (found === undefined) throw new Error(`there is no replica ${slot}`);
    return found;
  }

  /** Resolves when it is ready. */
  async start(slot: string): Promise<void> {
    const machine = this.place.machines.find((each) => each.slot === slot);
    if (machine === undefined) throw new Error(`there is no replica ${slot}`);
    const file = join(this.place.folder, `${slot}.yaml`);
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(this.settings(machine)));
    const args = ['serve', '--config', file];
    const replica = new WeirProcess(this.place.folder, args, machine.wrapper);
    this.running.set(slot, replica);
    await replica.says('weir is serving', RECOVERY_MS);
  }

  /** The exit code is null after a kill. */
  async end(slot: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    this.signal(slot, signal);
    return (await this.running.get(slot)?.end()) ?? null;
  }

  signal(slot: string, signal: NodeJS.Signals): void {
    this.running.get(slot)?.kill(signal);
  }

  /** Until everybody hears everybody, by streams and by gossip. */
  async whole(): Promise<void> {
    const seen = new Map<string, string>();
    const isWhole = async (slot: string, { cluster }: Connection): Promise<boolean> => {
      const { members } = await cluster.listMembers({}, { deadlineMs: 5_000 });
      seen.set(slot, members.map(textOf).join(', '));
      return members.filter(isHeard).length === this.connections.size;
    };
    const all = async (): Promise<boolean> => {
      const answers = [...this.connections].map(([slot, each]) =>
        isWhole(slot, each).catch((error: unknown) => {
          seen.set(slot, String(error));
          return false;
        }),
      );
      return (await Promise.all(answers)).every(Boolean);
    };
    await eventually('all replicas hear each other', all, RECOVERY_MS).catch((error: unknown) => {
      const views = [...seen].map(([slot, text]) => `${slot} sees ${text}`).join('; ');
      throw new Error(`${String(error)}: ${views}`, { cause: error });
    });
  }

  /** Leaves nothing running. */
  async stop(): Promise<void> {
    for (const connection of this.connections.values()) connection.close();
    for (const replica of this.running.values()) {
      replica.kill('SIGCONT');
      replica.kill('SIGTERM');
    }
    await Promise.all([...this.running.values()].map((replica) => replica.end()));
  }

  private settings({ slot, host, gossipPort, peerPort, advertiseHost }: Machine): object {
    const { databaseUrl, folder, machines } = this.place;
    const others = machines.filter((other) => other.slot !== slot);
    return {
      grpc: { host, port: GRPC_PORT },
      http: { host: '127.0.0.1', port: 0 },
      api: { allowUnauthenticatedRemoteAccess: true },
      // The machine may be slow; the guard has tests of its own.
      overload: { shed: false },
      shutdown: { drainDelayMs: 0 },
      storage: { postgres: { url: databaseUrl } },
      journal: { dataDir: join(folder, `journal-${slot}`) },
      cluster: {
        enabled: true,
        nodeName: slot,
        peers: others.map((other) => `${other.advertiseHost ?? other.host}:${other.gossipPort}`),
        grpc: { host, port: peerPort },
        gossip: {
          bindHost: host,
          port: gossipPort,
          ...(advertiseHost === undefined ? {} : { advertiseHost }),
          timings: { probeIntervalMs: 500, probeTimeoutMs: 250 },
        },
      },
    };
  }
}

function isHeard({ isSelf, state, link, freshness }: Member): boolean {
  if (state !== MemberState.MEMBER_STATE_ALIVE) return false;
  if (isSelf) return true;
  if (link !== LinkState.LINK_STATE_OPEN || freshness === undefined) return false;
  return fromDuration(freshness) < HEARD_MS;
}

const textOf = ({ name, state, link, linkDetail }: Member): string =>
  `${name} ${MemberState[state]} ${LinkState[link]} ${linkDetail}`.trimEnd();
