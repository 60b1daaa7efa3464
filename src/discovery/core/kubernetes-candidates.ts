/**
 * From objects of the Kubernetes API to addresses of peers. A pod counts as soon as it runs: peers
 * must meet before they are ready, and readiness may well wait for that meeting. A pod that is
 * being deleted does not, since it is about to leave. What cannot be read is left out by itself.
 */
import { jsonAt, listAt, portAt, textAt } from './json-shape.js';
import type { FoundPeer } from './found-peer.js';

/** One peer with all the addresses under which one object shows it, the cluster's choice first. */
export interface Candidate {
  /** The same for one pod in every object that shows it. */
  readonly identity: string;
  readonly addresses: readonly string[];
  /** Only if the object names a port for the gossip. */
  readonly port?: number;
  readonly origin: string;
}

export type ReadCandidates = (object: unknown) => readonly Candidate[];

/** A port of this name, in a pod or a service, is the gossip's. */
const GOSSIP_PORT_NAME = 'gossip';

export function podCandidates(pod: unknown): readonly Candidate[] {
  const name = textAt(pod, 'metadata', 'name');
  const isLeaving = textAt(pod, 'metadata', 'deletionTimestamp') !== undefined;
  if (name === undefined || isLeaving || textAt(pod, 'status', 'phase') !== 'Running') return [];
  const addresses = addressesOfPod(pod);
  if (addresses.length === 0) return [];
  const identity = textAt(pod, 'metadata', 'uid') ?? name;
  return [{ identity, addresses, origin: `pod ${name}`, ...namedPort(containerPorts(pod)) }];
}

/** `podIPs` has them all, in the cluster's order of preference; old servers give `podIP` only. */
function addressesOfPod(pod: unknown): readonly string[] {
  const all = listAt(pod, 'status', 'podIPs').map((entry) => textAt(entry, 'ip'));
  const found = [...all, textAt(pod, 'status', 'podIP')].filter((ip) => ip !== undefined);
  return [...new Set(found)].filter(isAddress);
}

const containerPorts = (pod: unknown): readonly unknown[] =>
  listAt(pod, 'spec', 'containers').flatMap((container) =>
    listAt(container, 'ports').map((port) => ({
      name: textAt(port, 'name'),
      port: jsonAt(port, 'containerPort'),
    })),
  );

export function endpointSliceCandidates(slice: unknown): readonly Candidate[] {
  const name = textAt(slice, 'metadata', 'name');
  const type = textAt(slice, 'addressType');
  if (name === undefined || (type !== 'IPv4' && type !== 'IPv6')) return [];
  const port = namedPort(listAt(slice, 'ports'));
  return listAt(slice, 'endpoints').flatMap((endpoint) => candidatesOf(endpoint, name, port));
}

function candidatesOf(
  endpoint: unknown,
  slice: string,
  port: { readonly port?: number },
): readonly Candidate[] {
  const addresses = listAt(endpoint, 'addresses').filter((ip) => typeof ip === 'string');
  const known = addresses.filter(isAddress);
  const [first] = known;
  if (first === undefined || jsonAt(endpoint, 'conditions', 'terminating') === true) return [];
  const identity = textAt(endpoint, 'targetRef', 'uid') ?? first;
  const pod = textAt(endpoint, 'targetRef', 'name');
  const origin = pod === undefined ? `endpoint slice ${slice}` : `pod ${pod}`;
  return [{ identity, addresses: known, origin, ...port }];
}

function namedPort(ports: readonly unknown[]): { readonly port?: number } {
  const named = ports.find((entry) => textAt(entry, 'name') === GOSSIP_PORT_NAME);
  const port = portAt(named, 'port');
  return port === undefined ? {} : { port };
}

/** Rough on purpose: the peer set parses addresses for real. This keeps other texts from it. */
const isAddress = (text: string): boolean => /^[\d.]{7,15}$|^[\da-f:.]{2,45}$/i.test(text);

/** One address for each peer: of the wanted family if it has one, else its first. */
export function peersOf(
  candidates: Iterable<Candidate>,
  defaultPort: number,
  wanted: 'IPv4' | 'IPv6' | undefined,
): readonly FoundPeer[] {
  const byIdentity = new Map<string, FoundPeer>();
  for (const { identity, addresses, port = defaultPort, origin } of candidates) {
    const before = byIdentity.get(identity);
    const host = addresses.find((ip) => familyOf(ip) === wanted) ?? addresses[0];
    if (host === undefined) continue;
    const isBetter = familyOf(host) === wanted && before !== undefined;
    if (before === undefined || (isBetter && familyOf(before.host) !== wanted))
      byIdentity.set(identity, { host, port, origin });
  }
  return [...byIdentity.values()];
}

export const familyOf = (ip: string): 'IPv4' | 'IPv6' => (ip.includes(':') ? 'IPv6' : 'IPv4');
