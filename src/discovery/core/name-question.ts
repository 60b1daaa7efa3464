/**
 * What one configured name asks of the DNS. A name that begins with an underscore is a service (SRV,
 * RFC 2782), whose records bring their own ports; any other has addresses (A and AAAA).
 */
import { parseAddress } from '../../common/ip-address.js';
import { parseHostAndPort } from './host-and-port.js';

export type NameQuestion =
  | {
      readonly kind: 'address';
      readonly text: string;
      readonly host: string;
      readonly port: number;
    }
  | { readonly kind: 'host'; readonly text: string; readonly name: string; readonly port: number }
  | { readonly kind: 'service'; readonly text: string; readonly name: string }
  | { readonly kind: 'nonsense'; readonly text: string };

export function nameQuestion(text: string, defaultPort: number): NameQuestion {
  if (text.startsWith('_')) return { kind: 'service', text, name: text };
  const parsed = parseHostAndPort(text, defaultPort);
  if (parsed === undefined) return { kind: 'nonsense', text };
  const { host, port } = parsed;
  if (parseAddress(host) !== undefined) return { kind: 'address', text, host, port };
  return { kind: 'host', text, name: host, port };
}

/** How the machine completes names, as `resolv.conf` says. */
export interface SearchRules {
  readonly domains: readonly string[];
  /** A name with as many dots is tried as it stands first. */
  readonly ndots: number;
}

export const NO_SEARCH: SearchRules = { domains: [], ndots: 1 };

const SEARCH_DOMAINS_MAX = 32;

/** Of `resolv.conf`; what is malformed there is passed over, as every resolver does. */
export function searchRules(resolvConf: string): SearchRules {
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of resolvConf.split('\n')) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') domains = words.slice(0, SEARCH_DOMAINS_MAX);
    if (keyword !== 'options') continue;
    const option = words.find((word) => /^ndots:\d{1,2}$/.test(word));
    if (option !== undefined) ndots = Math.min(15, Number(option.slice('ndots:'.length)));
  }
  return { domains, ndots };
}

/**
 * The complete names to ask for, in order, each without its trailing dot; the first that exists
 * answers. A trailing dot says that the name is complete. c-ares would ask for the bare name only.
 */
export function searchCandidates(name: string, { domains, ndots }: SearchRules): readonly string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const completed = domains
    .map((domain) => domain.replace(/\.$/, ''))
    .filter((domain) => domain !== '')
    .map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= ndots ? [name, ...completed] : [...completed, name];
}
