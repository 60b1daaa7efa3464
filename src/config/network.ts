import { isIP } from 'node:net';

/** A network in CIDR form, or a single address. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return (
    bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
  );
}

/** An IP address with or without a port: a name server cannot be named by a name. */
export function isServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(text);
  const port = Number(match?.groups?.['port'] ?? 53);
  const { v4 = '', v6 = '' } = match?.groups ?? {};
  return (isIP(v4) === 4 || isIP(v6) === 6) && port > 0 && port <= 65_535;
}
