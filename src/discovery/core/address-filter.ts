/**
 * Which proposed addresses may be called at all. Everything is decided on the bytes of the address,
 * never on its text: `10.0.0.1` and `::ffff:10.0.0.1` are the same place.
 */
import type { AllowedNetworks } from '../../common/allowed-networks.js';
import { addressText, ipv4Of, parseAddress } from '../../common/ip-address.js';

/** An address as a source proposes it. */
export interface Proposal {
  readonly host: string;
  readonly port: number;
  readonly origin: string;
}

export type Refusal = 'notAnAddress' | 'badPort' | 'notOneHost' | 'linkLocal' | 'outsideSpace';

export type Sifted =
  /** `key` is the address in its one canonical form, `host:port` or `[v6]:port`. */
  | { readonly kind: 'allowed'; readonly key: string; readonly peer: Proposal }
  | { readonly kind: 'refused'; readonly key: string; readonly reason: Refusal };

export function sift({ host, port, origin }: Proposal, allowed: AllowedNetworks): Sifted {
  const parsed = parseAddress(host);
  if (parsed === undefined) {
    return { kind: 'refused', key: `${host.slice(0, 255)}:${port}`, reason: 'notAnAddress' };
  }
  const addr = ipv4Of(parsed) ?? parsed;
  const canonical = addressText(addr);
  const key = addressKey(canonical, port);
  const reason = refusal(addr, port, allowed);
  if (reason !== undefined) return { kind: 'refused', key, reason };
  return { kind: 'allowed', key, peer: { host: canonical, port, origin } };
}

export const addressKey = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** What an operator is told, after the address. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  notAnAddress: 'is not an IP address',
  badPort: 'has no port from 1 to 65535',
  notOneHost: 'is not the address of one host',
  linkLocal: 'is link-local, and gossip carries no interface names',
  outsideSpace: 'is outside cluster.discovery.allowedAddressSpace',
};

function refusal(addr: Uint8Array, port: number, allowed: AllowedNetworks): Refusal | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return 'badPort';
  if (!isOneHost(addr)) return 'notOneHost';
  if (isLinkLocalV6(addr)) return 'linkLocal';
  return allowed.allows(addr) ? undefined : 'outsideSpace';
}

/** Neither "all interfaces", nor multicast, nor broadcast. */
function isOneHost(addr: Uint8Array): boolean {
  const [first = 0] = addr;
  if (addr.every((byte) => byte === 0)) return false;
  return addr.length === 4 ? first > 0 && first < 224 : first !== 0xff;
}

const isLinkLocalV6 = ([first = 0, second = 0, ...rest]: Uint8Array): boolean =>
  rest.length === 14 && first === 0xfe && (second & 0xc0) === 0x80;
