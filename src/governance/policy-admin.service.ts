import { Injectable } from '@nestjs/common';
import { invalidArgument } from '../common/domain-error.js';
import { Random } from '../common/random.js';
import type {
  BudgetDraft,
  CustomerDraft,
  LimitDraft,
  PriceDraft,
  TeamDraft,
  VirtualKeyDraft,
} from './core/drafts.js';
import { priceName } from './core/import-prices.js';
import type {
  Budget,
  Customer,
  Limit,
  Price,
  RecordByKind,
  RecordKind,
  Team,
  VirtualKey,
} from './core/model.js';
import type { MaskedUpdate } from './core/record-rules.js';
import { alreadyExists, notFound } from './core/references.js';
import { hashSecret, newSecret, secretHint } from './key-secret.js';
import { type Filter, type Page, PolicyStore, type PolicyTransaction } from './policy-store.js';
import { PolicyWriter } from './policy-writer.js';

/** What a key's owner gets to see once. */
export interface KeyWithSecret {
  readonly key: VirtualKey;
  readonly secret: string;
}

/** What operators do: the use cases behind `weir.v1.GovernanceService`. */
@Injectable()
export class PolicyAdminService {
  constructor(
    private readonly store: PolicyStore,
    private readonly writer: PolicyWriter,
    private readonly random: Random,
  ) {}

  createCustomer(draft: CustomerDraft): Promise<Customer> {
    return this.writer.create('customer', draft, (fields, stamps) => ({ ...fields, ...stamps }));
  }

  createTeam(draft: TeamDraft): Promise<Team> {
    return this.writer.create('team', draft, (fields, stamps) => ({ ...fields, ...stamps }));
  }

  async createVirtualKey(draft: VirtualKeyDraft): Promise<KeyWithSecret> {
    const secret = newSecret(this.random);
    const key = await this.writer.create('virtual_key', draft, (fields, stamps) => ({
      ...fields,
      ...stamps,
      ...traces(secret),
    }));
    return { key, secret };
  }

  async rotateVirtualKey(id: string): Promise<KeyWithSecret> {
    requireId(id);
    const secret = newSecret(this.random);
    return { key: await this.writer.replaceSecret(id, traces(secret)), secret };
  }

  createLimit(draft: LimitDraft): Promise<Limit> {
    return this.writer.create('limit', draft, (fields, stamps, transaction) => ({
      ...fields,
      ...stamps,
      generation: firstGeneration(transaction),
    }));
  }

  createBudget(draft: BudgetDraft): Promise<Budget> {
    return this.writer.create('budget', draft, (fields, stamps, transaction) => ({
      ...fields,
      ...stamps,
      generation: firstGeneration(transaction),
    }));
  }

  createPrice(draft: PriceDraft): Promise<Price> {
    return this.writer.create('price', draft, async (fields, stamps, transaction) => {
      const [existing] = await transaction.findPrices([fields]);
      if (existing !== undefined) throw alreadyExists('price', 'price.model', priceName(fields));
      return { ...fields, ...stamps, revision: await nextRevision(stamps.id, transaction) };
    });
  }

  importPrices(
    drafts: readonly PriceDraft[],
  ): Promise<{ readonly created: number; readonly updated: number; readonly unchanged: number }> {
    return this.writer.importPrices(drafts);
  }

  async get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K]> {
    requireId(id);
    const record = await this.store.get(kind, id);
    if (record === undefined) throw notFound(kind, id);
    return record;
  }

  list<K extends RecordKind>(
    kind: K,
    filter: Filter,
    page: Page,
  ): Promise<readonly RecordByKind[K][]> {
    return this.store.list(kind, filter, page);
  }

  async update<K extends RecordKind>(
    kind: K,
    update: MaskedUpdate<K>,
  ): Promise<{ readonly before: RecordByKind[K]; readonly after: RecordByKind[K] }> {
    requireId(update.wanted.id, `${kind}.id`);
    return this.writer.update(kind, update);
  }

  async delete(kind: RecordKind, id: string): Promise<void> {
    requireId(id);
    await this.writer.delete(kind, id);
  }
}

const traces = (secret: string): Pick<VirtualKey, 'secretHash' | 'secretHint'> => ({
  secretHash: hashSecret(secret),
  secretHint: secretHint(secret),
});

/**
 * Above every generation that a deleted policy of the same id may have had, since each of those took a
 * write: what was counted for that one is not this one's.
 */
const firstGeneration = (transaction: PolicyTransaction): number => Number(transaction.version);

/** Goes on where a deleted price of the same id ended: the ledger may name its revisions. */
async function nextRevision(id: string, transaction: PolicyTransaction): Promise<number> {
  return ((await transaction.lastRevisions([id])).get(id) ?? 0) + 1;
}

function requireId(id: string, field = 'id'): void {
  if (id === '') throw invalidArgument([{ field, description: 'must say which one' }]);
}
