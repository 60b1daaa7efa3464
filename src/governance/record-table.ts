import {
  type EntityManager,
  type EntitySchema,
  type FindOptionsOrder,
  type FindOptionsWhere,
  MoreThan,
  type ObjectLiteral,
} from 'typeorm';
import type { RecordByKind, RecordKind } from './core/model.js';
import type { Filter, Page } from './policy-store.js';
import { putRows, readRows } from './table-rows.js';

/** How one kind of record is kept in its table. */
interface Mapping<K extends RecordKind, Row extends ObjectLiteral> {
  readonly entity: EntitySchema<Row>;
  readonly toRow: (record: RecordByKind[K]) => Row;
  readonly toRecord: (row: Row) => RecordByKind[K];
  readonly toWhere: (filter: Filter) => FindOptionsWhere<Row>;
}

/** The table of one kind, in terms of its records. */
export interface RecordTable<K extends RecordKind> {
  find(manager: EntityManager, ids: readonly string[]): Promise<readonly RecordByKind[K][]>;
  /** Like {@link list} without a filter, for pages of many thousand. */
  scan(manager: EntityManager, page: Page): Promise<readonly RecordByKind[K][]>;
  list(manager: EntityManager, filter: Filter, page: Page): Promise<readonly RecordByKind[K][]>;
  put(manager: EntityManager, records: readonly RecordByKind[K][]): Promise<void>;
  remove(manager: EntityManager, id: string): Promise<void>;
}

export function recordTable<K extends RecordKind, Row extends ObjectLiteral & { id: string }>(
  mapping: Mapping<K, Row>,
): RecordTable<K> {
  const { entity, toRecord, toRow, toWhere } = mapping;
  const whereId = (id: unknown) => ({ id }) as FindOptionsWhere<Row>;
  return {
    async find(manager, ids) {
      const condition = { sql: 'WHERE id = ANY ($1::text[])', parameters: [ids] };
      return (await readRows(manager, entity, condition)).map(toRecord);
    },
    async scan(manager, page) {
      const sql = 'WHERE id > $1 ORDER BY id LIMIT $2';
      const parameters = [page.afterId, page.size];
      return (await readRows(manager, entity, { sql, parameters })).map(toRecord);
    },
    async list(manager, filter, page) {
      const where = { ...toWhere(filter), ...whereId(MoreThan(page.afterId)) };
      const order = { id: 'ASC' } as FindOptionsOrder<Row>;
      return (await manager.find(entity, { where, order, take: page.size })).map(toRecord);
    },
    async put(manager, records) {
      await putRows(manager, entity, records.map(toRow));
    },
    async remove(manager, id) {
      await manager.delete(entity, whereId(id));
    },
  };
}
