/**
 * What a replica writes into Consul, and reads of the others there. An instance is proposed whatever
 * its own check says: the check is made by an agent that may not reach our port although the other
 * replicas do, and whether somebody lives there is for gossip to find out. Consul itself removes an
 * instance that was critical for a minute. One whose whole node is known to be dead is left out.
 */
import { isRecord, jsonAt, listAt, portAt, textAt } from './json-shape.js';

/** More are a name that something else uses too. */
export const CONSUL_INSTANCES_MAX = 10_000;

export interface ConsulInstance {
  readonly id: string;
  /** A literal address or a name: Consul allows both. */
  readonly host: string;
  readonly port: number;
}

export interface ConsulAnnouncement {
  readonly replicaId: string;
  readonly host: string;
  readonly port: number;
  readonly clusterName: string;
  readonly region: string;
  readonly ports?: Readonly<Record<string, number>>;
}

export interface ConsulServices {
  readonly instances: readonly ConsulInstance[];
  /** Entries without a usable address, by what they call themselves. */
  readonly skipped: readonly string[];
}

/** `undefined` if the answer is not a list of service instances, or too long a one. */
export function readConsulServices(answer: unknown): ConsulServices | undefined {
  if (!Array.isArray(answer) || answer.length > CONSUL_INSTANCES_MAX) return undefined;
  const instances: ConsulInstance[] = [];
  const skipped: string[] = [];
  for (const entry of answer as readonly unknown[]) {
    if (!isRecord(entry)) skipped.push('an entry that is not an object');
    else if (!isNodeDead(entry)) readInstance(entry, instances, skipped);
  }
  return { instances, skipped };
}

function readInstance(entry: unknown, instances: ConsulInstance[], skipped: string[]): void {
  const id = textAt(entry, 'Service', 'ID') ?? 'a service without ID';
  // A service without an address of its own lives on its node's.
  const host = textAt(entry, 'Service', 'Address') ?? textAt(entry, 'Node', 'Address');
  const port = portAt(entry, 'Service', 'Port');
  if (host === undefined || port === undefined) skipped.push(id);
  else instances.push({ id, host, port });
}

const isNodeDead = (entry: unknown): boolean =>
  listAt(entry, 'Checks').some(
    (check) => jsonAt(check, 'CheckID') === 'serfHealth' && jsonAt(check, 'Status') === 'critical',
  );

export const consulServiceId = (serviceName: string, replicaId: string): string =>
  `${serviceName}-${replicaId}`;

/**
 * The body of a registration; its check is that our gossip port can be connected to. Later agents take one
 * that is the same as before for told to the servers, whether or not it was: `turn` makes it another.
 */
export function consulRegistration(
  serviceName: string,
  self: ConsulAnnouncement,
  turn: number,
): object {
  const { replicaId, host, port, clusterName, region, ports = {} } = self;
  const others = Object.entries(ports).map(([name, value]) => [`port-${name}`, String(value)]);
  return {
    ID: consulServiceId(serviceName, replicaId),
    Name: serviceName,
    Address: host,
    Port: port,
    Tags: [`region=${region}`],
    Meta: { cluster: clusterName, region, turn: String(turn), ...Object.fromEntries(others) },
    Check: {
      Name: 'gossip port',
      TCP: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
      Interval: '10s',
      Timeout: '5s',
      // The shortest that Consul allows.
      DeregisterCriticalServiceAfter: '1m',
    },
  };
}
