import { IsNull } from 'typeorm';
import { type WallMs, wallMs } from '../common/time.js';
import type { Budget, CarryOver, GroupBy, Limit, Owner, RecordKind } from './core/model.js';
import { CustomerEntity, TeamEntity, VirtualKeyEntity } from './owners.entity.js';
import { BudgetEntity, type BudgetRow, LimitEntity, type LimitRow } from './policies.entity.js';
import { PriceEntity } from './price.entity.js';
import { recordTable, type RecordTable } from './record-table.js';

const toDates = (record: { readonly createdAt: WallMs; readonly updatedAt: WallMs }) => ({
  createdAt: new Date(record.createdAt),
  updatedAt: new Date(record.updatedAt),
});

const toTimes = (row: { readonly createdAt: Date; readonly updatedAt: Date }) => ({
  createdAt: wallMs(row.createdAt.getTime()),
  updatedAt: wallMs(row.updatedAt.getTime()),
});

const toOwnerColumns = (owner: Owner) => ({
  customerId: owner.kind === 'customer' ? owner.id : null,
  teamId: owner.kind === 'team' ? owner.id : null,
  virtualKeyId: owner.kind === 'virtual_key' ? owner.id : null,
});

interface OwnerColumns {
  readonly customerId: string | null;
  readonly teamId: string | null;
  readonly virtualKeyId: string | null;
}

function toOwner({ customerId, teamId, virtualKeyId }: OwnerColumns): Owner {
  if (customerId !== null) return { kind: 'customer', id: customerId };
  if (teamId !== null) return { kind: 'team', id: teamId };
  if (virtualKeyId !== null) return { kind: 'virtual_key', id: virtualKeyId };
  return { kind: 'root', id: '' };
}

function toPolicyColumns(policy: Limit | Budget) {
  const { id, name, match, shadow, generation } = policy;
  return {
    id,
    name,
    match,
    shadow,
    generation,
    ...toOwnerColumns(policy.owner),
    ...toDates(policy),
  };
}

function fromPolicyColumns(row: LimitRow | BudgetRow) {
  const { id, name, match, shadow, generation } = row;
  return { id, name, match, shadow, generation, owner: toOwner(row), ...toTimes(row) };
}

function whereOwner(owner: Owner | undefined) {
  switch (owner?.kind) {
    case undefined:
      return {};
    case 'root':
      return { customerId: IsNull(), teamId: IsNull(), virtualKeyId: IsNull() };
    case 'customer':
      return { customerId: owner.id };
    case 'team':
      return { teamId: owner.id };
    case 'virtual_key':
      return { virtualKeyId: owner.id };
  }
}

function toGroupBy({ groupBy: keys, groupsMax }: LimitRow): GroupBy | undefined {
  return groupsMax === null ? undefined : { keys, groupsMax };
}

function toCarryOver(row: BudgetRow): CarryOver | undefined {
  const { carryMaxNanos: maxNanos, carryMinNanos: minNanos, carryOverage: overage } = row;
  if (maxNanos === null || minNanos === null || overage === null) return undefined;
  return { maxNanos, minNanos, overage };
}

export const RECORD_TABLES: { readonly [K in RecordKind]: RecordTable<K> } = {
  customer: recordTable({
    entity: CustomerEntity,
    toRow: ({ id, name, ...rest }) => ({ id, name, ...toDates(rest) }),
    toRecord: ({ id, name, ...rest }) => ({ id, name, ...toTimes(rest) }),
    toWhere: () => ({}),
  }),
  team: recordTable({
    entity: TeamEntity,
    toRow: ({ id, name, ...rest }) => ({
      id,
      name,
      customerId: rest.customerId ?? null,
      ...toDates(rest),
    }),
    toRecord: (row) => ({ ...row, customerId: row.customerId ?? undefined, ...toTimes(row) }),
    toWhere: ({ customerId }) => (customerId === undefined ? {} : { customerId }),
  }),
  virtual_key: recordTable({
    entity: VirtualKeyEntity,
    toRow: (key) => ({
      ...key,
      teamId: key.teamId ?? null,
      customerId: key.customerId ?? null,
      expiresAt: key.expiresAt === undefined ? null : new Date(key.expiresAt),
      allowedProviders: key.allowedProviders === undefined ? null : [...key.allowedProviders],
      allowedModels: key.allowedModels === undefined ? null : [...key.allowedModels],
      ...toDates(key),
    }),
    toRecord: (row) => ({
      ...row,
      teamId: row.teamId ?? undefined,
      customerId: row.customerId ?? undefined,
      expiresAt: row.expiresAt === null ? undefined : wallMs(row.expiresAt.getTime()),
      allowedProviders: row.allowedProviders ?? undefined,
      allowedModels: row.allowedModels ?? undefined,
      ...toTimes(row),
    }),
    toWhere: ({ customerId, teamId }) => ({
      ...(customerId === undefined ? {} : { customerId }),
      ...(teamId === undefined ? {} : { teamId }),
    }),
  }),
  limit: recordTable({
    entity: LimitEntity,
    toRow: (limit) => ({
      ...toPolicyColumns(limit),
      unit: limit.unit,
      maximum: BigInt(limit.maximum),
      algorithm: limit.algorithm,
      groupBy: [...(limit.groupBy?.keys ?? [])],
      groupsMax: limit.groupBy?.groupsMax ?? null,
      onUnavailable: limit.onUnavailable,
      scope: limit.scope,
    }),
    toRecord: (row) => ({
      ...fromPolicyColumns(row),
      unit: row.unit,
      maximum: Number(row.maximum),
      algorithm: row.algorithm,
      groupBy: toGroupBy(row),
      onUnavailable: row.onUnavailable,
      scope: row.scope,
    }),
    toWhere: ({ owner }) => whereOwner(owner),
  }),
  budget: recordTable({
    entity: BudgetEntity,
    toRow: (budget) => ({
      ...toPolicyColumns(budget),
      amountNanos: budget.amountNanos,
      period: budget.period,
      onExpiry: budget.onExpiry,
      onUnavailable: budget.onUnavailable,
      onUnpriced: budget.onUnpriced,
      thresholdPercents: [...budget.thresholdPercents],
      carryMaxNanos: budget.carryOver?.maxNanos ?? null,
      carryMinNanos: budget.carryOver?.minNanos ?? null,
      carryOverage: budget.carryOver?.overage ?? null,
    }),
    toRecord: (row) => ({
      ...fromPolicyColumns(row),
      amountNanos: row.amountNanos,
      period: row.period,
      onExpiry: row.onExpiry,
      onUnavailable: row.onUnavailable,
      onUnpriced: row.onUnpriced,
      thresholdPercents: row.thresholdPercents,
      carryOver: toCarryOver(row),
    }),
    toWhere: ({ owner }) => whereOwner(owner),
  }),
  price: recordTable({
    entity: PriceEntity,
    toRow: (price) => ({
      ...price,
      cachedInputPicos: price.cachedInputPicos ?? null,
      reasoningPicos: price.reasoningPicos ?? null,
      ...toDates(price),
    }),
    toRecord: (row) => ({
      ...row,
      cachedInputPicos: row.cachedInputPicos ?? undefined,
      reasoningPicos: row.reasoningPicos ?? undefined,
      ...toTimes(row),
    }),
    toWhere: ({ provider }) => (provider === undefined ? {} : { provider }),
  }),
};
