import { SSL_MODES, type SslMode } from './storage-config.js';

/** The parts of a `postgres://` URL; what it does not name is undefined. */
export interface PostgresUrl {
  readonly host: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly database?: string;
  readonly sslMode?: SslMode;
  readonly sslRootCertFile?: string;
}

const PARAMETERS = ['host', 'sslmode', 'sslrootcert'];

/**
 * Takes apart `postgres://user:password@host:port/database?sslmode=...`. The folder of a Unix socket
 * is the host percent-encoded (`postgres://user@%2Frun%2Fpostgresql/weir`) or the parameter `host`, as
 * libpq has it. The caller has checked the URL with {@link postgresUrlProblem}.
 */
export function parsePostgresUrl(text: string): PostgresUrl {
  const url = new URL(withHost(text));
  const sslMode = SSL_MODES.find((mode) => mode === url.searchParams.get('sslmode'));
  const parts = {
    port: url.port === '' ? undefined : Number(url.port),
    user: decoded(url.username),
    password: decoded(url.password),
    database: decoded(url.pathname.slice(1)),
    sslMode,
    sslRootCertFile: url.searchParams.get('sslrootcert') ?? undefined,
  };
  const host = url.searchParams.get('host') ?? decoded(url.hostname) ?? 'localhost';
  return { host: host.replace(/^\[(.*)\]$/, '$1'), ...withoutUndefined(parts) };
}

/** What is wrong with a URL, without repeating it; undefined if nothing. */
export function postgresUrlProblem(
  text: string,
  { hasPasswordElsewhere }: { readonly hasPasswordElsewhere: boolean },
): string | undefined {
  const shape = 'must look like postgres://user:password@host:5432/database?sslmode=verify-full';
  if (!/^postgres(ql)?:\/\//.test(text)) return shape;
  try {
    const { searchParams } = new URL(withHost(text));
    const { password } = parsePostgresUrl(text);
    const unknown = [...searchParams.keys()].find((name) => !PARAMETERS.includes(name));
    if (unknown) return `has the parameter ${unknown}; allowed are ${PARAMETERS.join(', ')}`;
    const mode = searchParams.get('sslmode');
    if (mode !== null && !SSL_MODES.some((known) => known === mode))
      return `has an unknown sslmode; allowed are ${SSL_MODES.join(', ')}`;
    if (password !== undefined && hasPasswordElsewhere)
      return 'has a password, and storage.postgres.password or passwordFile has one too: keep one';
    return undefined;
  } catch {
    return `${shape}; percent-encode the characters : / @ ? # % in user and password`;
  }
}

/** WHATWG URLs with a user need a host; libpq's do not. */
const withHost = (text: string): string =>
  text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1localhost');

const decoded = (part: string): string | undefined =>
  part === '' ? undefined : decodeURIComponent(part);

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(parts: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(parts).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
