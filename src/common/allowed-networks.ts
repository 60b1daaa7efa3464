/**
 * The address space that members may come from. No network listed: everything is allowed. An IPv4
 * address that travelled mapped into IPv6 matches the IPv4 networks; an absent one matches none.
 */
import { invalidArgument } from './domain-error.js';
import { ipv4Of, parseAddress } from './ip-address.js';

interface Network {
  readonly addr: Uint8Array;
  readonly bits: number;
}

export class AllowedNetworks {
  private readonly networks: readonly Network[];

  /** `field` names the setting in errors. Accepts `10.0.0.0/8`, `fd00::/8` and single addresses. */
  constructor(cidrs: readonly string[] = [], field = 'allowedAddressSpace') {
    this.networks = cidrs.map((cidr, index) => parseNetwork(cidr, `${field}[${index}]`));
  }

  get isOpen(): boolean {
    return this.networks.length === 0;
  }

  allows(addr: Uint8Array): boolean {
    if (this.isOpen) return true;
    const plain = ipv4Of(addr) ?? addr;
    return this.networks.some((network) => contains(network, plain));
  }
}

function parseNetwork(cidr: string, field: string): Network {
  const [text = '', suffix, ...rest] = cidr.trim().split('/');
  const parsed = parseAddress(text);
  const addr = parsed === undefined ? undefined : (ipv4Of(parsed) ?? parsed);
  const bits = suffix === undefined ? (addr?.length ?? 0) * 8 : Number(suffix);
  const valid = Number.isInteger(bits) && bits >= 0 && suffix !== '' && rest.length === 0;
  if (addr === undefined || !valid || bits > addr.length * 8) {
    const description = `"${cidr}" is not a network; write it like 10.0.0.0/8 or fd00::/8`;
    throw invalidArgument([{ field, description }]);
  }
  return { addr, bits };
}

function contains(network: Network, addr: Uint8Array): boolean {
  if (addr.length !== network.addr.length) return false;
  for (let bit = 0; bit < network.bits; bit += 8) {
    const mask = bit + 8 <= network.bits ? 0xff : (0xff00 >>> (network.bits - bit)) & 0xff;
    const at = bit >> 3;
    if (((addr[at] ?? 0) & mask) !== ((network.addr[at] ?? 0) & mask)) return false;
  }
  return true;
}
