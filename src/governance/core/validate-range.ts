import type { Violations } from './violations.js';

export const INT64_MAX = 2n ** 63n - 1n;

/** An amount from 0 to `most`. 0 is a rule like any other: it denies everything. */
export function checkRange(
  value: bigint,
  rule: { readonly field: string; readonly most: bigint },
  found: Violations,
): bigint {
  if (value < 0n || value > rule.most) {
    found.add(rule.field, `must be from 0 to ${rule.most}, but is ${value}`);
  }
  return value;
}
