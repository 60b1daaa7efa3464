import { EntitySchema } from 'typeorm';
import type { RecordKind } from './core/model.js';
import { bigintColumn, textColumn } from './record-columns.js';

/** One row, locked by whoever writes: `version` counts the writes. */
export interface GovernanceStateRow {
  singleton: boolean;
  version: bigint;
}

/** Which records a write has touched. Old rows are dropped; who lags that far loads everything. */
export interface GovernanceChangeRow {
  version: bigint;
  kind: RecordKind;
  id: string;
  deleted: boolean;
}

export const GovernanceStateEntity = new EntitySchema<GovernanceStateRow>({
  name: 'governance_state',
  tableName: 'governance_state',
  columns: {
    singleton: {
      name: 'singleton',
      type: 'boolean',
      primary: true,
      primaryKeyConstraintName: 'governance_state_pk',
    },
    version: bigintColumn('version'),
  },
  checks: [{ name: 'governance_state_one_row', expression: '"singleton"' }],
});

export const GovernanceChangeEntity = new EntitySchema<GovernanceChangeRow>({
  name: 'governance_change',
  tableName: 'governance_changes',
  columns: {
    version: { ...bigintColumn('version'), ...primary() },
    kind: { ...textColumn('kind'), ...primary() },
    id: { ...textColumn('id'), collation: 'C', ...primary() },
    deleted: { name: 'deleted', type: 'boolean' },
  },
});

function primary() {
  return { primary: true, primaryKeyConstraintName: 'governance_changes_pk' };
}
