import { EntitySchema } from 'typeorm';
import { idColumn, textColumn, timeColumn } from './record-columns.js';

export interface CustomerRow {
  id: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

export interface TeamRow extends CustomerRow {
  customerId: string | null;
}

export interface VirtualKeyRow extends TeamRow {
  teamId: string | null;
  active: boolean;
  expiresAt: Date | null;
  allowedProviders: string[] | null;
  allowedModels: string[] | null;
  secretHint: string;
  secretHash: string;
}

export const CustomerEntity = new EntitySchema<CustomerRow>({
  name: 'customer',
  tableName: 'customers',
  columns: {
    id: idColumn('customers'),
    name: textColumn('name'),
    createdAt: timeColumn('created_at'),
    updatedAt: timeColumn('updated_at'),
  },
});

export const TeamEntity = new EntitySchema<TeamRow>({
  name: 'team',
  tableName: 'teams',
  columns: {
    id: idColumn('teams'),
    name: textColumn('name'),
    customerId: { ...textColumn('customer_id'), collation: 'C', nullable: true },
    createdAt: timeColumn('created_at'),
    updatedAt: timeColumn('updated_at'),
  },
  foreignKeys: [
    {
      name: 'teams_customer_fk',
      target: CustomerEntity,
      columnNames: ['customerId'],
      referencedColumnNames: ['id'],
    },
  ],
  indices: [{ name: 'teams_customer_id', columns: ['customerId', 'id'] }],
});

export const VirtualKeyEntity = new EntitySchema<VirtualKeyRow>({
  name: 'virtual_key',
  tableName: 'virtual_keys',
  columns: {
    id: idColumn('virtual_keys'),
    name: textColumn('name'),
    teamId: { ...textColumn('team_id'), collation: 'C', nullable: true },
    customerId: { ...textColumn('customer_id'), collation: 'C', nullable: true },
    active: { name: 'active', type: 'boolean' },
    expiresAt: { ...timeColumn('expires_at'), nullable: true },
    allowedProviders: { ...textColumn('allowed_providers'), array: true, nullable: true },
    allowedModels: { ...textColumn('allowed_models'), array: true, nullable: true },
    secretHint: textColumn('secret_hint'),
    secretHash: textColumn('secret_hash'),
    createdAt: timeColumn('created_at'),
    updatedAt: timeColumn('updated_at'),
  },
  foreignKeys: [
    {
      name: 'virtual_keys_team_fk',
      target: TeamEntity,
      columnNames: ['teamId'],
      referencedColumnNames: ['id'],
    },
    {
      name: 'virtual_keys_customer_fk',
      target: CustomerEntity,
      columnNames: ['customerId'],
      referencedColumnNames: ['id'],
    },
  ],
  indices: [
    { name: 'virtual_keys_team_id', columns: ['teamId', 'id'] },
    { name: 'virtual_keys_customer_id', columns: ['customerId', 'id'] },
    { name: 'virtual_keys_secret_hash', columns: ['secretHash'], unique: true },
  ],
});
