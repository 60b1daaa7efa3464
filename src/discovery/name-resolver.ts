import type { SearchRules } from './core/name-question.js';

export interface FoundAddress {
  readonly address: string;
  /** How long it may be kept, where the resolver tells. */
  readonly ttlSeconds?: number;
}

export interface FoundService {
  readonly target: string;
  readonly port: number;
}

/** "There is none" and "the server failed" lead to opposite deeds, so they are told apart. */
export type NameAnswer<Found> =
  | { readonly kind: 'found'; readonly records: readonly Found[] }
  /** The name does not exist (NXDOMAIN). */
  | { readonly kind: 'noName' }
  /** It exists, without such records. */
  | { readonly kind: 'noRecords' }
  | { readonly kind: 'failed'; readonly why: string };

export type AddressFamily = 4 | 6;

/** Whoever knows the addresses behind names. One is made for each round of questions. */
export abstract class NameResolver {
  abstract searchRules(): Promise<SearchRules>;
  abstract addresses(name: string, family: AddressFamily): Promise<NameAnswer<FoundAddress>>;
  abstract services(name: string): Promise<NameAnswer<FoundService>>;
  /** Ends the questions that wait for an answer; they answer `failed`. */
  abstract cancel(): void;
}
