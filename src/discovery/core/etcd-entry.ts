/**
 * How a replica is written into etcd: one key for each below the prefix of the service, with a JSON
 * value of its address. Only host and port are needed to find it; the rest is for people.
 */
import { addressText, parseAddress } from '../../common/ip-address.js';
import type { FoundPeer } from './found-peer.js';
import { parseJson, portAt, textAt } from './json-shape.js';

/** Longer values are not ours. */
const VALUE_CHARS_MAX = 4_096;

export interface EtcdAnnouncement {
  readonly host: string;
  readonly port: number;
  readonly clusterName: string;
  readonly region: string;
  readonly ports?: Readonly<Record<string, number>>;
}

export const etcdPrefix = (serviceName: string): string => `/services/${serviceName}/`;

/** The first key after all that begin with the prefix: `0` follows `/`. */
export const etcdPrefixEnd = (prefix: string): string => `${prefix.slice(0, -1)}0`;

export function etcdValue({ host, port, clusterName, region, ports }: EtcdAnnouncement): string {
  return JSON.stringify({ host, port, cluster: clusterName, region, ...(ports && { ports }) });
}

/** The peer that an entry stands for, or `undefined` if it is not one of ours. */
export function peerOfEntry(key: string, value: string): FoundPeer | undefined {
  if (value.length > VALUE_CHARS_MAX) return undefined;
  const entry = parseJson(value);
  const addr = parseAddress(textAt(entry, 'host') ?? '');
  const port = portAt(entry, 'port');
  if (addr === undefined || port === undefined) return undefined;
  return { host: addressText(addr), port, origin: `etcd ${key}` };
}
