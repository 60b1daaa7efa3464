import { lookup } from 'node:dns/promises';
import { invalidArgument } from '../common/domain-error.js';
import { ipv4Of, parseAddress } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';

/** Of one name; more is a mistake in the zone. */
const ADDRESSES_MAX = 64;

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, `[v6]:port`, bare IPv6, each with an optional `name/` in front. */
export function parseHostAndPort(text: string, defaultPort: number): HostAndPort {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(slash + 1);
  if (slash === 0) throw badAddress(text);
  if (address.split(':').length > 2 && !address.startsWith('[')) {
    return { host: address, port: defaultPort };
  }
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(address);
  const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port'] ?? defaultPort);
  if (host === undefined || port < 1 || port > 65_535) throw badAddress(text);
  return { host, port };
}

/** Every address behind it; rejects if the name is not known. */
export async function resolveAddress(
  text: string,
  defaultPort: number,
): Promise<readonly Endpoint[]> {
  const { host, port } = parseHostAndPort(text, defaultPort);
  const numeric = parseAddress(host);
  if (numeric !== undefined) return [{ addr: ipv4Of(numeric) ?? numeric, port }];
  const found = await lookup(host, { all: true });
  return found.slice(0, ADDRESSES_MAX).flatMap(({ address }) => {
    const addr = parseAddress(address);
    return addr === undefined ? [] : [{ addr, port }];
  });
}

const badAddress = (text: string): Error =>
  invalidArgument([
    {
      field: 'cluster.peers',
      description: `"${text}" is not an address; write host, host:port or [v6]:port`,
    },
  ]);
