/** `host`, `host:port`, `[v6]`, `[v6]:port` and bare IPv6, as operators write them. */
export interface HostAndPort {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `undefined` for what is none of these. */
export function parseHostAndPort(text: string, defaultPort: number): HostAndPort | undefined {
  if (text.split(':').length > 2 && !text.startsWith('[')) return { host: text, port: defaultPort };
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(text);
  const host = match?.groups?.['v6'] ?? match?.groups?.['name'];
  const port = Number(match?.groups?.['port'] ?? defaultPort);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}
