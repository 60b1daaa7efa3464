/** An address as operators write it, `host:port` or a URL, made a URL. */
const FORM =
  /^(?:(?<scheme>https?):\/\/)?(?<host>\[[\da-f:.]+\]|[^\s:/@?#[\]]+)(?::(?<port>\d{1,5}))?(?<path>\/[^\s?#]*)?$/i;

export interface ServiceUrlDefaults {
  readonly port: number;
  /** Of an address without a scheme. */
  readonly isTls: boolean;
}

/** `undefined` if the text is neither; user names and queries have no place in it. */
export function serviceUrl(text: string, defaults: ServiceUrlDefaults): string | undefined {
  const groups = FORM.exec(text.trim())?.groups;
  if (groups === undefined) return undefined;
  const { scheme, host, port = String(defaults.port), path = '' } = groups;
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  const protocol = scheme?.toLowerCase() ?? (defaults.isTls ? 'https' : 'http');
  return `${protocol}://${host}:${port}${path.replace(/\/$/, '')}`;
}
