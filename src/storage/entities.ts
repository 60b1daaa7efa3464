import type { EntitySchema } from 'typeorm';
import {
  GovernanceChangeEntity,
  GovernanceStateEntity,
} from '../governance/governance-change.entity.js';
import { CustomerEntity, TeamEntity, VirtualKeyEntity } from '../governance/owners.entity.js';
import { BudgetEntity, LimitEntity } from '../governance/policies.entity.js';
import { PriceEntity, PriceRevisionEntity } from '../governance/price.entity.js';

type EntityClass = new () => object;

/** Every row type, named explicitly; the drift check compares them with what the migrations make. */
export const entities: (EntityClass | EntitySchema)[] = [
  CustomerEntity,
  TeamEntity,
  VirtualKeyEntity,
  LimitEntity,
  BudgetEntity,
  PriceEntity,
  PriceRevisionEntity,
  GovernanceStateEntity,
  GovernanceChangeEntity,
];
