import { EntitySchema, type EntitySchemaColumnOptions } from 'typeorm';
import type { Recurrence } from '../common/recurrence.js';
import type {
  ExpiryPolicy,
  Fallback,
  GroupKey,
  LimitAlgorithm,
  LimitScope,
  LimitUnit,
  Match,
} from './core/model.js';
import { CustomerEntity, TeamEntity, VirtualKeyEntity } from './owners.entity.js';
import { bigintColumn, idColumn, integerColumn, textColumn, timeColumn } from './record-columns.js';

/** At most one of the three owners is set; none means the root. Three columns, so that each can be a foreign key. */
interface PolicyRow {
  id: string;
  name: string;
  customerId: string | null;
  teamId: string | null;
  virtualKeyId: string | null;
  match: Match;
  shadow: boolean;
  generation: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface LimitRow extends PolicyRow {
  unit: LimitUnit;
  maximum: bigint;
  algorithm: LimitAlgorithm;
  /** Empty, with no `groupsMax`: one counter for all calls. */
  groupBy: GroupKey[];
  groupsMax: number | null;
  onUnavailable: Fallback;
  scope: LimitScope;
}

export interface BudgetRow extends PolicyRow {
  amountNanos: bigint;
  period: Recurrence;
  onExpiry: ExpiryPolicy;
  onUnavailable: Fallback;
  onUnpriced: Fallback;
  thresholdPercents: number[];
  /** All three or none; the ledger reads them when it makes a period's row. */
  carryMaxNanos: bigint | null;
  carryMinNanos: bigint | null;
  carryOverage: boolean | null;
}

const CARRY_CHECK =
  'num_nulls("carry_max_nanos", "carry_min_nanos", "carry_overage") IN (0, 3)' +
  ' AND "carry_min_nanos" >= 0 AND "carry_max_nanos" >= "carry_min_nanos"';

const GROUPS_CHECK = '(cardinality("group_by") = 0) = ("groups_max" IS NULL)';

export const LimitEntity = new EntitySchema<LimitRow>({
  name: 'limit',
  tableName: 'limits',
  columns: {
    ...policyColumns('limits'),
    unit: textColumn('unit'),
    maximum: bigintColumn('maximum'),
    algorithm: { name: 'algorithm', type: 'jsonb' },
    groupBy: { ...textColumn('group_by'), array: true },
    groupsMax: { ...integerColumn('groups_max'), nullable: true },
    onUnavailable: textColumn('on_unavailable'),
    scope: textColumn('scope'),
  },
  ...policyConstraints('limits'),
  checks: [
    oneOwner('limits'),
    { name: 'limits_maximum', expression: '"maximum" >= 0' },
    { name: 'limits_groups', expression: GROUPS_CHECK },
  ],
});

export const BudgetEntity = new EntitySchema<BudgetRow>({
  name: 'budget',
  tableName: 'budgets',
  columns: {
    ...policyColumns('budgets'),
    amountNanos: bigintColumn('amount_nanos'),
    period: { name: 'period', type: 'jsonb' },
    onExpiry: textColumn('on_expiry'),
    onUnavailable: textColumn('on_unavailable'),
    onUnpriced: textColumn('on_unpriced'),
    thresholdPercents: { ...integerColumn('threshold_percents'), array: true },
    carryMaxNanos: { ...bigintColumn('carry_max_nanos'), nullable: true },
    carryMinNanos: { ...bigintColumn('carry_min_nanos'), nullable: true },
    carryOverage: { name: 'carry_overage', type: 'boolean', nullable: true },
  },
  ...policyConstraints('budgets'),
  checks: [
    oneOwner('budgets'),
    { name: 'budgets_amount', expression: '"amount_nanos" >= 0' },
    { name: 'budgets_carry', expression: CARRY_CHECK },
  ],
});

function policyColumns(table: string) {
  return {
    id: idColumn(table),
    name: textColumn('name'),
    customerId: ownerColumn('customer_id'),
    teamId: ownerColumn('team_id'),
    virtualKeyId: ownerColumn('virtual_key_id'),
    match: { name: 'match', type: 'jsonb' },
    shadow: { name: 'shadow', type: 'boolean' },
    generation: integerColumn('generation'),
    createdAt: timeColumn('created_at'),
    updatedAt: timeColumn('updated_at'),
  } as const satisfies Record<string, EntitySchemaColumnOptions>;
}

function ownerColumn(name: string): EntitySchemaColumnOptions {
  return { ...textColumn(name), collation: 'C', nullable: true };
}

function policyConstraints(table: string) {
  const owners = [
    { column: 'customerId', name: 'customer', target: CustomerEntity },
    { column: 'teamId', name: 'team', target: TeamEntity },
    { column: 'virtualKeyId', name: 'virtual_key', target: VirtualKeyEntity },
  ];
  return {
    foreignKeys: owners.map(({ column, name, target }) => ({
      name: `${table}_${name}_fk`,
      target,
      columnNames: [column],
      referencedColumnNames: ['id'],
    })),
    indices: owners.map(({ column, name }) => ({
      name: `${table}_${name}_id`,
      columns: [column, 'id'],
    })),
  };
}

function oneOwner(table: string) {
  return {
    name: `${table}_one_owner`,
    expression: 'num_nonnulls("customer_id", "team_id", "virtual_key_id") <= 1',
  };
}
