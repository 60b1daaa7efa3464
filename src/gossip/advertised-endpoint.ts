import type { NetworkInterfaceInfo } from 'node:os';
import { invalidArgument } from '../common/domain-error.js';
import { addressText, ipv4Of, parseAddress } from '../common/ip-address.js';
import type { Endpoint } from './core/endpoint.js';
import type { GossipSettings } from './gossip-settings.js';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The address others are told. One that they cannot reach lets us join over TCP and be suspected by
 * everybody for ever after, so it is refused here: "all interfaces" is not an address, nor is a group.
 */
export function advertisedEndpoint(
  settings: Pick<GossipSettings, 'advertiseHost' | 'advertisePort'>,
  bound: Endpoint,
  interfaces: Interfaces,
): Endpoint {
  const { advertiseHost, advertisePort } = settings;
  const port = advertisePort ?? bound.port;
  const addr =
    advertiseHost === undefined ? ownAddress(bound.addr, interfaces) : parsed(advertiseHost);
  if (isUnspecified(addr) || isGroup(addr)) {
    throw refused(`${addressText(addr)} is no address that others could reach`);
  }
  return { addr, port };
}

/** Bound to all interfaces, the first private address is taken, as memberlist does. */
function ownAddress(bound: Uint8Array, interfaces: Interfaces): Uint8Array {
  if (!isUnspecified(bound)) return bound;
  const candidates = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter((it) => !it.internal && it.family === 'IPv4')
    .map((it) => parsed(it.address));
  const found = candidates.find(isPrivate) ?? candidates[0];
  if (found === undefined) throw refused('this host has no address but loopback');
  return found;
}

function isPrivate(addr: Uint8Array): boolean {
  const [a = 0, b = 0] = addr;
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
}

const isUnspecified = (addr: Uint8Array): boolean => addr.every((byte) => byte === 0);

/** Multicast, broadcast, and what was never given out. */
function isGroup(addr: Uint8Array): boolean {
  const v4 = ipv4Of(addr);
  return v4 === undefined ? addr[0] === 0xff : (v4[0] ?? 0) >= 224;
}

function parsed(host: string): Uint8Array {
  const addr = parseAddress(host);
  if (addr === undefined) throw refused(`"${host}" is not an IP address`);
  return addr;
}

const refused = (why: string): Error =>
  invalidArgument([
    {
      field: 'cluster.gossip.advertiseHost',
      description: `${why}; write the address at which the other replicas reach this one`,
    },
  ]);
