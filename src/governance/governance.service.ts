import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { DomainError } from '../common/domain-error.js';
import type { Chain, Directory, KnownKey, OwnerLine } from './core/directory.js';
import type { Budget, Limit, Owner, Price, VirtualKey } from './core/model.js';
import type { Policies } from './core/policy-group.js';
import { RecentMisses } from './core/recent-misses.js';
import { notFound } from './core/references.js';
import { DirectoryFollower } from './directory-follower.js';
import { SecretHashes } from './secret-hashes.js';

/** Who a call says that it comes from. */
export type KeyReference =
  | { readonly kind: 'secret'; readonly secret: string }
  | { readonly kind: 'key'; readonly keyId: string }
  | { readonly kind: 'none' };

export type Resolved =
  | { readonly kind: 'found'; readonly key: VirtualKey; readonly chain: Chain }
  | { readonly kind: 'unknown' }
  /** A call without a key meets the policies of the root. */
  | { readonly kind: 'none'; readonly chain: Chain };

const UNKNOWN: Resolved = { kind: 'unknown' };

/** Longer ones cannot be ours, and are not worth hashing. */
const SECRET_CHARACTERS_MAX = 256;

/** What is allowed, for those who decide calls. Answers from memory. */
@Injectable()
export class GovernanceService {
  private readonly directory: Directory;
  private readonly hashes = new SecretHashes();
  private readonly misses = new RecentMisses({ sizeMax: 10_000, lifetimeMs: 1_000 });

  constructor(
    private readonly follower: DirectoryFollower,
    private readonly clock: Clock,
  ) {
    this.directory = follower.directory;
  }

  /** Rises whenever an answer of this service may have changed. */
  get epoch(): number {
    return this.directory.epoch;
  }

  /**
   * Whose call it is. A key that is not in memory may have been created on another replica a moment ago,
   * so the directory catches up before it is refused: once for all who ask meanwhile, and not again for
   * the same key within a second, so that a flood of bad keys is no flood of statements (ADR 0011).
   * @throws DomainError `UNAVAILABLE` if the store is away and the key is not in memory.
   */
  resolve(subject: KeyReference): Resolved | Promise<Resolved> {
    if (subject.kind === 'none') return { kind: 'none', chain: this.directory.chainOf(undefined) };
    return subject.kind === 'key'
      ? this.resolveId(subject.keyId)
      : this.resolveSecret(subject.secret);
  }

  price(provider: string, model: string): Price | undefined {
    return this.directory.findPrice(provider, model);
  }

  limit(id: string): Limit | undefined {
    return this.directory.get('limit', id);
  }

  budget(id: string): Budget | undefined {
    return this.directory.get('budget', id);
  }

  /** @throws DomainError `NOT_FOUND` if there is no such owner. */
  policiesOf(owner: Owner): Policies {
    const policies = this.directory.policiesOf(owner);
    if (policies !== undefined) return policies;
    throw owner.kind === 'root'
      ? new DomainError('NOT_FOUND', 'the root has no id')
      : notFound(owner.kind, owner.id);
  }

  /** The owner, and those above it. */
  lineOf(owner: Owner): OwnerLine {
    return this.directory.lineOf(owner);
  }

  private resolveId(keyId: string): Resolved | Promise<Resolved> {
    const known = this.directory.findKey(keyId);
    if (known !== undefined) return this.found(known);
    return this.readThrough(`id ${keyId}`, () => this.directory.findKey(keyId));
  }

  private resolveSecret(secret: string): Resolved | Promise<Resolved> {
    if (secret.length > SECRET_CHARACTERS_MAX) return UNKNOWN;
    const hash = this.hashes.hashOf(secret);
    const known = this.directory.findKeyBySecretHash(hash);
    if (known === undefined)
      return this.readThrough(hash, () => this.directory.findKeyBySecretHash(hash));
    this.hashes.keep(secret, hash);
    return this.found(known);
  }

  private readThrough(
    name: string,
    find: () => KnownKey | undefined,
  ): Resolved | Promise<Resolved> {
    if (this.misses.has(name, this.clock.monoNow())) return UNKNOWN;
    return this.catchUpAndFind(name, find);
  }

  private async catchUpAndFind(name: string, find: () => KnownKey | undefined): Promise<Resolved> {
    try {
      await this.follower.catchUp();
    } catch (cause) {
      const message = 'the virtual key is not in memory, and the store that may know it is away';
      throw new DomainError('UNAVAILABLE', message, { cause });
    }
    const known = find();
    if (known !== undefined) return this.found(known);
    this.misses.add(name, this.clock.monoNow());
    return UNKNOWN;
  }

  private found(known: KnownKey): Resolved {
    return { kind: 'found', key: known.key, chain: this.directory.chainOf(known) };
  }
}
