import type { ValueTransformer } from 'typeorm';

/**
 * `bigint` columns as `bigint`: the driver gives text, since a `number` would round. Use it as
 * `@Column({ type: 'bigint', transformer: bigintColumn })`.
 */
export const bigintColumn: ValueTransformer = {
  to: (value: unknown): unknown => (typeof value === 'bigint' ? value.toString() : value),
  from: (value: unknown): unknown => (typeof value === 'string' ? BigInt(value) : value),
};
