import { addressText, parseAddress } from '../../common/ip-address.js';

/** `10.0.3.255` of `10.0.1.7` and `255.255.252.0`; `undefined` for networks of one or two hosts. */
export function broadcastAddress(address: string, netmask: string): string | undefined {
  const host = parseAddress(address);
  const mask = parseAddress(netmask);
  if (host?.length !== 4 || mask?.length !== 4) return undefined;
  if ((mask[3] ?? 0) >= 0xfe) return undefined;
  return addressText(host.map((byte, at) => byte | (~(mask[at] ?? 0) & 0xff)));
}
