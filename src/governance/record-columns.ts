import type { EntitySchemaColumnOptions } from 'typeorm';
import { bigintColumn as asBigint } from '../storage/bigint-column.js';

/** Columns that the tables of governance share. Ids compare by byte, so that pages do on any database. */
export const idColumn = (table: string): EntitySchemaColumnOptions => ({
  name: 'id',
  type: 'text',
  collation: 'C',
  primary: true,
  primaryKeyConstraintName: `${table}_pk`,
});

export const textColumn = (name: string): EntitySchemaColumnOptions => ({ name, type: 'text' });

export const integerColumn = (name: string): EntitySchemaColumnOptions => ({
  name,
  type: 'integer',
});

/** Milliseconds, because that is what the domain has. */
export const timeColumn = (name: string): EntitySchemaColumnOptions => ({
  name,
  type: 'timestamp with time zone',
  precision: 3,
});

export const bigintColumn = (name: string): EntitySchemaColumnOptions => ({
  name,
  type: 'bigint',
  transformer: asBigint,
});
