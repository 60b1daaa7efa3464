import type { Change, Update } from './core/changes.js';
import type { Grant, Owner, Price, RecordByKind, RecordKind } from './core/model.js';
import type { Dependents } from './core/references.js';

/** What {@link PolicyStore.write} changed. `version` is that of the store afterwards. */
export interface Written<T> {
  readonly result: T;
  readonly version: bigint;
  /** Empty if nothing was changed; the version is then as it was. */
  readonly changes: readonly Change[];
}

/** Which records to list. A condition that is absent holds for all; of one kind, all given must hold. */
export interface Filter {
  /** Teams and virtual keys. */
  readonly customerId?: string | undefined;
  /** Virtual keys. */
  readonly teamId?: string | undefined;
  /** Limits and budgets. */
  readonly owner?: Owner | undefined;
  /** Prices. */
  readonly provider?: string | undefined;
}

export interface Page {
  /** Only ids after this one. Empty: from the first. */
  readonly afterId: string;
  readonly size: number;
}

/**
 * What one write sees and does. Writes run one at a time, over all replicas, so that what one has read
 * still holds when it is committed; rules about several records need no other lock.
 */
export interface PolicyTransaction {
  /** The version that the store will have if this write changes anything. */
  readonly version: bigint;
  get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined>;
  /** The prices of these providers and models, as far as there are any; in any order. */
  findPrices(
    names: readonly { readonly provider: string; readonly model: string }[],
  ): Promise<readonly Price[]>;
  /** The last revision ever recorded for each price id, also of prices that were deleted since. */
  lastRevisions(priceIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  countDependents(kind: RecordKind, id: string): Promise<Dependents>;
  /** Creates or replaces. References must exist, and prices and secrets be unique. */
  put<K extends RecordKind>(kind: K, records: readonly RecordByKind[K][]): Promise<void>;
  remove(kind: RecordKind, id: string): Promise<void>;
  getGrant(id: string): Promise<Grant | undefined>;
  /** Not a change: replicas keep no grants, since the ledger reads them where it decides. */
  addGrant(grant: Grant): Promise<void>;
}

/**
 * Where governance is kept. Adapters: PostgreSQL, and an in-memory twin for tests; both pass
 * `test/contract/policy-store.contract.ts`.
 *
 * @throws DomainError `UNAVAILABLE` if the store cannot be reached.
 */
export abstract class PolicyStore {
  /** All or nothing: if `work` throws, nothing has changed and nobody hears of it. */
  abstract write<T>(work: (transaction: PolicyTransaction) => Promise<T>): Promise<Written<T>>;

  abstract get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined>;

  /** In the order of ids, at most `page.size`. */
  abstract list<K extends RecordKind>(
    kind: K,
    filter: Filter,
    page: Page,
  ): Promise<readonly RecordByKind[K][]>;

  abstract getGrant(id: string): Promise<Grant | undefined>;

  /** Of one budget, or of all; in the order of ids, at most `page.size`. */
  abstract listGrants(budgetId: string | undefined, page: Page): Promise<readonly Grant[]>;

  /** What changed after `version`; everything, if the store no longer knows. */
  abstract changesSince(version: bigint): Promise<Update>;

  abstract loadAll(): Promise<Update>;

  /**
   * Tells of writes by whatever replica, soon after they happen and as a hint only: notices get lost.
   * Undefined: some may have been lost just now. Returns how to stop.
   */
  abstract watch(notice: (version: bigint | undefined) => void): Promise<() => Promise<void>>;
}
