import { lookup } from 'node:dns/promises';
import { NO_SEARCH, type SearchRules } from './core/name-question.js';
import {
  type AddressFamily,
  type FoundAddress,
  type FoundService,
  type NameAnswer,
  NameResolver,
} from './name-resolver.js';

/**
 * Resolves as every other program of the machine does, hosts file and search domains included. It
 * cannot be given up: a look-up that hangs keeps one of libuv's threads until the machine's own
 * time-out.
 */
export class LookupNameResolver extends NameResolver {
  searchRules(): Promise<SearchRules> {
    return Promise.resolve(NO_SEARCH);
  }

  async addresses(name: string, family: AddressFamily): Promise<NameAnswer<FoundAddress>> {
    try {
      const records = await lookup(name, { all: true, family });
      return { kind: 'found', records };
    } catch (error) {
      const { code } = error as { readonly code?: unknown };
      if (code === 'ENOTFOUND') return { kind: 'noName' };
      if (code === 'ENODATA') return { kind: 'noRecords' };
      const why = `it cannot be looked up now (${String(code)}); check the name servers of this machine`;
      return { kind: 'failed', why };
    }
  }

  services(_name: string): Promise<NameAnswer<FoundService>> {
    return Promise.resolve({
      kind: 'failed',
      why: 'write SRV names into dnsNames, not into peers',
    });
  }

  cancel(): void {}
}
