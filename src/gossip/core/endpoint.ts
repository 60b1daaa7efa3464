/**
 * Where a member listens, as the wire has it: 4 or 16 address bytes and a port. The bytes are kept
 * exactly as they came. A v4 address that travelled as 16 mapped bytes is another address to every
 * memberlist than the same in 4, so whoever "normalised" it would make its owner report a conflict.
 */
import { addressText } from '../../common/ip-address.js';
import { sameBytes } from './bytes.js';

export interface Endpoint {
  readonly addr: Uint8Array;
  readonly port: number;
}

export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.port === b.port && sameBytes(a.addr, b.addr);

export function endpointText(endpoint: Endpoint): string {
  const host = addressText(endpoint.addr);
  return host.includes(':') ? `[${host}]:${endpoint.port}` : `${host}:${endpoint.port}`;
}
