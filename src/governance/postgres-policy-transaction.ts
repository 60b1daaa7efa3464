import type { EntityManager } from 'typeorm';
import type { Change } from './core/changes.js';
import type { Grant, Price, RecordByKind, RecordKind } from './core/model.js';
import type { Dependents } from './core/references.js';
import { findGrant, insertGrant } from './grant-table.js';
import type { PolicyTransaction } from './policy-store.js';
import { PriceRevisionEntity } from './price.entity.js';
import { putRows } from './table-rows.js';
import { RECORD_TABLES } from './record-tables.js';

/** Where each kind can be named: table and column. */
const DEPENDENTS: Readonly<Record<RecordKind, Readonly<Partial<Record<RecordKind, string>>>>> = {
  customer: {
    team: 'teams WHERE customer_id',
    virtual_key: 'virtual_keys WHERE customer_id',
    limit: 'limits WHERE customer_id',
    budget: 'budgets WHERE customer_id',
  },
  team: {
    virtual_key: 'virtual_keys WHERE team_id',
    limit: 'limits WHERE team_id',
    budget: 'budgets WHERE team_id',
  },
  virtual_key: {
    limit: 'limits WHERE virtual_key_id',
    budget: 'budgets WHERE virtual_key_id',
  },
  limit: {},
  budget: {},
  price: {},
};

/** One write on PostgreSQL; notes what it changes. */
export class PostgresPolicyTransaction implements PolicyTransaction {
  private readonly changed = new Map<string, Change>();

  constructor(
    private readonly manager: EntityManager,
    readonly version: bigint,
  ) {}

  /** The last state of each record that was touched. */
  get changes(): readonly Change[] {
    return [...this.changed.values()];
  }

  async get<K extends RecordKind>(kind: K, id: string): Promise<RecordByKind[K] | undefined> {
    return (await RECORD_TABLES[kind].find(this.manager, [id]))[0];
  }

  async findPrices(
    names: readonly { readonly provider: string; readonly model: string }[],
  ): Promise<readonly Price[]> {
    const rows: { id: string }[] = await this.manager.query(
      `SELECT id FROM prices
       JOIN unnest($1::text[], $2::text[]) AS wanted (provider, model) USING (provider, model)`,
      [names.map(({ provider }) => provider), names.map(({ model }) => model)],
    );
    return RECORD_TABLES.price.find(
      this.manager,
      rows.map(({ id }) => id),
    );
  }

  async lastRevisions(priceIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows: { price_id: string; revision: number }[] = await this.manager.query(
      `SELECT price_id, max(revision) AS revision FROM price_revisions
       WHERE price_id = ANY ($1::text[]) GROUP BY price_id`,
      [priceIds],
    );
    return new Map(rows.map((row) => [row.price_id, row.revision]));
  }

  async countDependents(kind: RecordKind, id: string): Promise<Dependents> {
    const places = Object.entries(DEPENDENTS[kind]);
    if (places.length === 0) return {};
    const counts = places.map(
      ([each, place]) => `(SELECT count(*)::int FROM ${place} = $1) "${each}"`,
    );
    const [row]: Dependents[] = await this.manager.query(`SELECT ${counts.join(', ')}`, [id]);
    return row ?? {};
  }

  async put<K extends RecordKind>(kind: K, records: readonly RecordByKind[K][]): Promise<void> {
    await RECORD_TABLES[kind].put(this.manager, records);
    for (const record of records) this.note({ kind, id: record.id, record } as Change);
    if (kind !== 'price') return;
    await putRows(
      this.manager,
      PriceRevisionEntity,
      (records as readonly Price[]).map(toRevisionRow),
    );
  }

  async remove(kind: RecordKind, id: string): Promise<void> {
    await RECORD_TABLES[kind].remove(this.manager, id);
    this.note({ kind, id, record: undefined });
  }

  getGrant(id: string): Promise<Grant | undefined> {
    return findGrant(this.manager, id);
  }

  addGrant(grant: Grant): Promise<void> {
    return insertGrant(this.manager, grant);
  }

  private note(change: Change): void {
    this.changed.set(`${change.kind} ${change.id}`, change);
  }
}

const toRevisionRow = (price: Price) => ({
  priceId: price.id,
  provider: price.provider,
  model: price.model,
  revision: price.revision,
  inputPicos: price.inputPicos,
  cachedInputPicos: price.cachedInputPicos ?? null,
  outputPicos: price.outputPicos,
  reasoningPicos: price.reasoningPicos ?? null,
  recordedAt: new Date(price.updatedAt),
});
