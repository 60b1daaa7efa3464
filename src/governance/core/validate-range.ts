import type { Violations } from './violations.js';

export const INT64_MAX = 2n ** 63n - 1n;
/** The most that a counter can count exactly. */
export const MAXIMUM_MAX = BigInt(Number.MAX_SAFE_INTEGER);

interface Range {
  readonly field: string;
  /** 0 unless it is given: it is a rule like any other, and denies everything. */
  readonly least?: bigint;
  readonly most: bigint;
}

/** An amount from `least` to `most`. */
export function checkRange(
  value: bigint,
  { field, least = 0n, most }: Range,
  found: Violations,
): bigint {
  if (value < least || value > most) {
    found.add(field, `must be from ${least} to ${most}, but is ${value}`);
  }
  return value;
}
