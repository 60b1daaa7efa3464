import { EntitySchema } from 'typeorm';
import { bigintColumn, idColumn, integerColumn, textColumn, timeColumn } from './record-columns.js';

interface PriceAmounts {
  provider: string;
  model: string;
  revision: number;
  inputPicos: bigint;
  cachedInputPicos: bigint | null;
  outputPicos: bigint;
  reasoningPicos: bigint | null;
}

export interface PriceRow extends PriceAmounts {
  id: string;
  createdAt: Date;
  updatedAt: Date;
}

/** What a price was. Rows are added and never changed or deleted: the ledger names them. */
export interface PriceRevisionRow extends PriceAmounts {
  priceId: string;
  recordedAt: Date;
}

const AMOUNTS = {
  provider: textColumn('provider'),
  model: textColumn('model'),
  revision: integerColumn('revision'),
  inputPicos: bigintColumn('input_picos'),
  cachedInputPicos: { ...bigintColumn('cached_input_picos'), nullable: true },
  outputPicos: bigintColumn('output_picos'),
  reasoningPicos: { ...bigintColumn('reasoning_picos'), nullable: true },
};

export const PriceEntity = new EntitySchema<PriceRow>({
  name: 'price',
  tableName: 'prices',
  columns: {
    id: idColumn('prices'),
    ...AMOUNTS,
    createdAt: timeColumn('created_at'),
    updatedAt: timeColumn('updated_at'),
  },
  indices: [{ name: 'prices_provider_model', columns: ['provider', 'model'], unique: true }],
});

export const PriceRevisionEntity = new EntitySchema<PriceRevisionRow>({
  name: 'price_revision',
  tableName: 'price_revisions',
  columns: {
    priceId: {
      ...textColumn('price_id'),
      collation: 'C',
      primary: true,
      primaryKeyConstraintName: 'price_revisions_pk',
    },
    ...AMOUNTS,
    revision: {
      ...integerColumn('revision'),
      primary: true,
      primaryKeyConstraintName: 'price_revisions_pk',
    },
    recordedAt: timeColumn('recorded_at'),
  },
});
