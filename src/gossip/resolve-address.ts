import { lookup } from 'node:dns/promises';
import { type HostAndPort, parseHostAndPort } from '../discovery/core/host-and-port.js';
import { invalidArgument } from '../common/domain-error.js';
import { ipv4Of, parseAddress } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';

/** Of one name; more is a mistake in the zone. */
const ADDRESSES_MAX = 64;

/** An address as operators write it, with an optional `name/` in front, which memberlist knows. */
function parse(text: string, defaultPort: number): HostAndPort {
  const slash = text.indexOf('/');
  const parsed = slash === 0 ? undefined : parseHostAndPort(text.slice(slash + 1), defaultPort);
  if (parsed === undefined) throw badAddress(text);
  return parsed;
}

/** Every address behind it; rejects if the name is not known. */
export async function resolveAddress(
  text: string,
  defaultPort: number,
): Promise<readonly Endpoint[]> {
  const { host, port } = parse(text, defaultPort);
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
