import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { NO_SEARCH, searchRules, type SearchRules } from './core/name-question.js';
import {
  type AddressFamily,
  type FoundAddress,
  type FoundService,
  type NameAnswer,
  NameResolver,
} from './name-resolver.js';

export interface DnsOptions {
  /** Milliseconds for one question to all servers together. */
  readonly timeoutMs: number;
  /** `address` or `address:port`; none: those of the machine. */
  readonly servers?: readonly string[];
}

const RESOLV_CONF = '/etc/resolv.conf';

/** How often each server is asked; the time-out doubles from one try to the next. */
const TRIES = 2;

/**
 * Asks the name servers themselves (c-ares), and not the machine's own resolution: only they tell the
 * TTL, SRV records, and NXDOMAIN apart from SERVFAIL. A truncated answer is asked for again over TCP.
 * The servers of the machine are read anew with each resolver.
 */
export class DnsNameResolver extends NameResolver {
  private readonly resolver: Resolver;

  constructor(private readonly options: DnsOptions) {
    super();
    const timeout = Math.max(100, Math.floor(options.timeoutMs / 3));
    this.resolver = new Resolver({ timeout, tries: TRIES });
    if (options.servers !== undefined) this.resolver.setServers(options.servers);
  }

  async searchRules(): Promise<SearchRules> {
    if (this.options.servers !== undefined) return NO_SEARCH;
    try {
      return searchRules(await readFile(RESOLV_CONF, 'utf8'));
    } catch {
      // A machine without the file has no search domains.
      return NO_SEARCH;
    }
  }

  addresses(name: string, family: AddressFamily): Promise<NameAnswer<FoundAddress>> {
    return answered(async () => {
      const found =
        family === 4
          ? await this.resolver.resolve4(name, { ttl: true })
          : await this.resolver.resolve6(name, { ttl: true });
      return found.map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
    });
  }

  services(name: string): Promise<NameAnswer<FoundService>> {
    return answered(async () => {
      const found = await this.resolver.resolveSrv(name);
      return found.map(({ name: target, port }) => ({ target, port }));
    });
  }

  cancel(): void {
    this.resolver.cancel();
  }
}

/** What c-ares calls the ways to fail, and what an operator does about each. */
const FAILURES: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the name server failed (SERVFAIL); look at its log',
  EREFUSED: 'the name server refused (REFUSED); ask a server that serves this zone',
  ETIMEOUT: 'no name server answered in time; check that UDP and TCP port 53 are open',
  ECONNREFUSED: 'nothing listens at the name server; check the nameserver lines of resolv.conf',
  EBADRESP: 'the name server sent garbage; look at its log',
  EFORMERR: 'the name server did not understand (FORMERR); look at its log',
  EBADNAME: 'that is no name; correct it',
  ECANCELLED: 'the question was given up',
};

async function answered<Found>(ask: () => Promise<Found[]>): Promise<NameAnswer<Found>> {
  try {
    const records = await ask();
    return records.length > 0 ? { kind: 'found', records } : { kind: 'noRecords' };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOTFOUND') return { kind: 'noName' };
    if (code === 'ENODATA') return { kind: 'noRecords' };
    return { kind: 'failed', why: FAILURES[code] ?? `the question failed (${code})` };
  }
}

function codeOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : String(error);
}
