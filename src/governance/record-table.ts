import {
  type EntityManager,
  type EntitySchema,
  type FindOptionsOrder,
  type FindOptionsWhere,
  In,
  MoreThan,
  type ObjectLiteral,
} from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import type { RecordByKind, RecordKind } from './core/model.js';
import type { Filter, Page } from './policy-store.js';

/** PostgreSQL takes at most 65,535 parameters in a statement; a row has fewer than 20. */
const ROWS_PER_STATEMENT = 1_000;

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
      const rows: Row[] = [];
      for (const some of chunks(ids)) {
        rows.push(...(await manager.find(entity, { where: whereId(In([...some])) })));
      }
      return rows.map(toRecord);
    },
    async list(manager, filter, page) {
      const where = { ...toWhere(filter), ...whereId(MoreThan(page.afterId)) };
      const order = { id: 'ASC' } as FindOptionsOrder<Row>;
      return (await manager.find(entity, { where, order, take: page.size })).map(toRecord);
    },
    async put(manager, records) {
      for (const some of chunks(records)) {
        const rows = some.map(toRow) as QueryDeepPartialEntity<Row>[];
        await manager.upsert(entity, rows, ['id']);
      }
    },
    async remove(manager, id) {
      await manager.delete(entity, whereId(id));
    },
  };
}

export function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += ROWS_PER_STATEMENT) {
    yield items.slice(start, start + ROWS_PER_STATEMENT);
  }
}
