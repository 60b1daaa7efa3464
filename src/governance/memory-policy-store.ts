import { assert } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import type { Change, Update } from './core/changes.js';
import type { Grant, Owner, Price, RecordByKind, RecordKind } from './core/model.js';
import type { Dependents } from './core/references.js';
import {
  type Filter,
  type Page,
  PolicyStore,
  type PolicyTransaction,
  type Written,
} from './policy-store.js';

type Records = { [K in RecordKind]: Map<string, RecordByKind[K]> };

interface State {
  readonly records: Records;
  /** Price id to its last revision; outlives the price. */
  readonly revisions: Map<string, number>;
  readonly grants: Map<string, Grant>;
}

interface Noted {
  readonly version: bigint;
  readonly kind: RecordKind;
  readonly id: string;
}

/** The twin of `postgres-policy-store.ts`, for tests: the same promises, in memory. */
export class MemoryPolicyStore extends PolicyStore {
  private state: State = emptyState();
  private version = 0n;
  private noted: Noted[] = [];
  private tail: Promise<unknown> = Promise.resolve();
  private reachable = true;
  private readonly watchers = new Set<(version: bigint | undefined) => void>();

  /** Every call fails until it is set back, as when the database is away. */
  setReachable(reachable: boolean): void {
    this.reachable = reachable;
  }

  /** Forgets what changed up to `version`, as the real store does in time. */
  prune(version: bigint): void {
    this.noted = this.noted.filter((each) => each.version > version);
  }

  write<T>(work: (transaction: PolicyTransaction) => Promise<T>): Promise<Written<T>> {
    const written = this.tail.then(() => this.runWrite(work));
    this.tail = written.catch(() => undefined);
    return written;
  }

  async get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined> {
    this.requireReachable();
    return this.state.records[kind].get(id);
  }

  async list<K extends RecordKind>(
    kind: K,
    filter: Filter,
    page: Page,
  ): Promise<readonly RecordByKind[K][]> {
    this.requireReachable();
    return [...this.state.records[kind].values()]
      .filter((record) => record.id > page.afterId && passes(record, filter))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, page.size);
  }

  async getGrant(id: string): Promise<Grant | undefined> {
    this.requireReachable();
    return this.state.grants.get(id);
  }

  async listGrants(budgetId: string | undefined, page: Page): Promise<readonly Grant[]> {
    this.requireReachable();
    return [...this.state.grants.values()]
      .filter((grant) => grant.id > page.afterId)
      .filter((grant) => budgetId === undefined || grant.budgetId === budgetId)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .slice(0, page.size);
  }

  async changesSince(version: bigint): Promise<Update> {
    this.requireReachable();
    if (version === this.version) return { kind: 'changes', version, changes: [] };
    const later = this.noted.filter((each) => each.version > version);
    if (version > this.version || later[0]?.version !== version + 1n) return this.loadAll();
    const byRecord = new Map(later.map(({ kind, id }) => [`${kind} ${id}`, { kind, id }]));
    const changes = [...byRecord.values()].map(
      ({ kind, id }) => ({ kind, id, record: this.state.records[kind].get(id) }) as Change,
    );
    return { kind: 'changes', version: this.version, changes };
  }

  async loadAll(): Promise<Update> {
    this.requireReachable();
    const changes = Object.entries(this.state.records).flatMap(([kind, records]) =>
      [...records.values()].map((record) => ({ kind, id: record.id, record }) as Change),
    );
    return { kind: 'everything', version: this.version, changes };
  }

  async watch(notice: (version: bigint | undefined) => void): Promise<() => Promise<void>> {
    this.watchers.add(notice);
    return async () => void this.watchers.delete(notice);
  }

  private async runWrite<T>(
    work: (transaction: PolicyTransaction) => Promise<T>,
  ): Promise<Written<T>> {
    this.requireReachable();
    const transaction = new MemoryPolicyTransaction(copyState(this.state), this.version + 1n);
    const result = await work(transaction);
    this.requireReachable();
    const changes = [...transaction.changes.values()];
    this.state = transaction.state;
    if (changes.length > 0) {
      this.version++;
      this.noted.push(...changes.map(({ kind, id }) => ({ version: this.version, kind, id })));
      for (const notice of this.watchers) notice(this.version);
    }
    return { result, version: this.version, changes };
  }

  private requireReachable(): void {
    if (!this.reachable) throw new DomainError('UNAVAILABLE', 'the policy store is away');
  }
}

class MemoryPolicyTransaction implements PolicyTransaction {
  readonly changes = new Map<string, Change>();

  constructor(
    readonly state: State,
    readonly version: bigint,
  ) {}

  async get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined> {
    return this.state.records[kind].get(id);
  }

  async findPrices(
    names: readonly { readonly provider: string; readonly model: string }[],
  ): Promise<readonly Price[]> {
    return [...this.state.records.price.values()].filter((price) =>
      names.some(({ provider, model }) => price.provider === provider && price.model === model),
    );
  }

  async lastRevisions(priceIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map([...this.state.revisions].filter(([id]) => priceIds.includes(id)));
  }

  async countDependents(kind: RecordKind, id: string): Promise<Dependents> {
    const { team, virtual_key: key, limit, budget } = this.state.records;
    const owned = ({ owner }: { owner: Owner }) => owner.kind === kind && owner.id === id;
    return {
      team: kind === 'customer' ? count(team, (each) => each.customerId === id) : 0,
      virtual_key: count(
        key,
        (each) =>
          (kind === 'customer' && each.customerId === id) ||
          (kind === 'team' && each.teamId === id),
      ),
      limit: count(limit, owned),
      budget: count(budget, owned),
    };
  }

  async put<K extends RecordKind>(kind: K, records: readonly RecordByKind[K][]): Promise<void> {
    for (const record of records) {
      this.state.records[kind].set(record.id, record);
      this.note({ kind, id: record.id, record } as Change);
    }
    this.requireUnique(this.state.records.virtual_key, (key) => key.secretHash);
    this.requireUnique(this.state.records.price, (price) => `${price.provider} ${price.model}`);
    if (kind !== 'price') return;
    for (const price of records as readonly Price[]) {
      assert(
        price.revision > (this.state.revisions.get(price.id) ?? 0),
        'a revision is recorded once',
      );
      this.state.revisions.set(price.id, price.revision);
    }
  }

  async remove(kind: RecordKind, id: string): Promise<void> {
    this.state.records[kind].delete(id);
    this.note({ kind, id, record: undefined });
  }

  async getGrant(id: string): Promise<Grant | undefined> {
    return this.state.grants.get(id);
  }

  async addGrant(grant: Grant): Promise<void> {
    assert(!this.state.grants.has(grant.id), 'a grant is never changed');
    this.state.grants.set(grant.id, grant);
  }

  private note(change: Change): void {
    this.changes.set(`${change.kind} ${change.id}`, change);
  }

  private requireUnique<T>(records: ReadonlyMap<string, T>, name: (record: T) => string): void {
    const names = new Set([...records.values()].map(name));
    assert(names.size === records.size, 'secrets and prices are unique');
  }
}

function passes(record: RecordByKind[RecordKind], filter: Filter): boolean {
  const has = (name: string, value: unknown): boolean =>
    value === undefined || (name in record && Reflect.get(record, name) === value);
  const owner = 'owner' in record ? record.owner : undefined;
  return (
    has('customerId', filter.customerId) &&
    has('teamId', filter.teamId) &&
    has('provider', filter.provider) &&
    (filter.owner === undefined ||
      (owner?.kind === filter.owner.kind && owner.id === filter.owner.id))
  );
}

function count<T>(records: ReadonlyMap<string, T>, wanted: (record: T) => boolean): number {
  return [...records.values()].filter(wanted).length;
}

function emptyState(): State {
  return {
    records: {
      customer: new Map(),
      team: new Map(),
      virtual_key: new Map(),
      limit: new Map(),
      budget: new Map(),
      price: new Map(),
    },
    revisions: new Map(),
    grants: new Map(),
  };
}

function copyState({ records, revisions, grants }: State): State {
  return {
    records: {
      customer: new Map(records.customer),
      team: new Map(records.team),
      virtual_key: new Map(records.virtual_key),
      limit: new Map(records.limit),
      budget: new Map(records.budget),
      price: new Map(records.price),
    },
    revisions: new Map(revisions),
    grants: new Map(grants),
  };
}
