/**
 * What a replica tells of itself in multicast DNS (RFC 6762) as a service (RFC 6763): a pointer from the
 * service type to the replica, where it listens (SRV), what it is (TXT), and its address.
 */
export type MdnsRecord =
  | MdnsOf<'PTR', string>
  | MdnsOf<'SRV', { readonly target: string; readonly port: number }>
  | MdnsOf<'TXT', readonly string[]>
  | MdnsOf<'A' | 'AAAA', string>;

interface MdnsOf<Type extends string, Data> {
  readonly type: Type;
  readonly name: string;
  /** Seconds; 0 says farewell. */
  readonly ttl: number;
  /** Whether it replaces all that was known under its name and type. */
  readonly flush?: boolean;
  readonly data: Data;
}

export interface MdnsQuestion {
  readonly name: string;
  readonly type: string;
}

/** Who is killed is forgotten after it; asked for anew long before. */
export const MDNS_TTL_SECONDS = 60;

const LABEL_BYTES_MAX = 63;
const SERVICES = '_services._dns-sd._udp.local';

export interface MdnsReplica {
  readonly replicaId: string;
  readonly host: string;
  readonly port: number;
  readonly clusterName: string;
  readonly region: string;
  readonly ports?: Readonly<Record<string, number>>;
}

/** `service` is a type such as `_weir._tcp`. A `ttl` of 0 takes them all back. */
export function recordsOf(
  service: string,
  replica: MdnsReplica,
  ttl = MDNS_TTL_SECONDS,
): readonly MdnsRecord[] {
  const type = `${service}.local`;
  const label = labelOf(replica.replicaId);
  const instance = `${label}.${type}`;
  const target = `${label}.local`;
  const { host, port, clusterName, region, ports = {} } = replica;
  const texts = [
    `id=${replica.replicaId}`,
    `cluster=${clusterName}`,
    `region=${region}`,
    ...Object.entries(ports).map(([name, value]) => `${name}=${value}`),
  ];
  return [
    { type: 'PTR', name: SERVICES, ttl, data: type },
    { type: 'PTR', name: type, ttl, data: instance },
    { type: 'SRV', name: instance, ttl, flush: true, data: { target, port } },
    { type: 'TXT', name: instance, ttl, flush: true, data: texts.map(shortened) },
    { type: host.includes(':') ? 'AAAA' : 'A', name: target, ttl, flush: true, data: host },
  ];
}

/** Ours that are asked for; whoever asks for the type gets all there is, and need not ask again. */
export function answersTo(
  questions: readonly MdnsQuestion[],
  own: readonly MdnsRecord[],
): readonly MdnsRecord[] {
  const asked = own.filter((record) =>
    questions.some(
      ({ name, type }) => sameName(name, record.name) && (type === record.type || type === 'ANY'),
    ),
  );
  const wantsAll = asked.some(({ type, name }) => type === 'PTR' && name !== SERVICES);
  return wantsAll ? own : asked;
}

/** Names of the DNS know no case. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** One label of a name: dots would part it, and the DNS has room for 63 bytes. */
const labelOf = (replicaId: string): string =>
  replicaId.replace(/[^A-Za-z0-9-]/g, '-').slice(-LABEL_BYTES_MAX);

const shortened = (text: string): string => text.slice(0, 200);
