/**
 * What all replicas together have counted in one window, as a value that merges: for each replica
 * incarnation one entry of two numbers that only ever rise, and merging takes the larger of each. So
 * duplicates, reordering and loss of messages cannot miscount. Nothing is ever reset: the window is part
 * of the key, and a restarted replica counts under a new incarnation.
 *
 * Source: state-based PN-counter of Shapiro et al., "A comprehensive study of Convergent and Commutative
 * Replicated Data Types", INRIA 2011, section 3.1.
 */
export interface Entry {
  /** Sum of all takes. */
  readonly taken: number;
  /** Sum of all that was given back. */
  readonly returned: number;
}

/** Entries by replica incarnation. */
export type Tally = ReadonlyMap<string, Entry>;

export function mergeEntries(a: Entry, b: Entry): Entry {
  return {
    taken: Math.max(a.taken, b.taken),
    returned: Math.max(a.returned, b.returned),
  };
}

export function mergeTallies(a: Tally, b: Tally): Tally {
  const merged = new Map(a);
  for (const [incarnation, entry] of b) {
    const known = merged.get(incarnation);
    merged.set(incarnation, known === undefined ? entry : mergeEntries(known, entry));
  }
  return merged;
}

/**
 * What is counted: never below zero, so that a refund that arrives before the take that it refunds does
 * not make room that is not there.
 */
export function netOf({ taken, returned }: Entry): number {
  return Math.max(0, taken - returned);
}

/** As {@link netOf}, over all replicas. */
export function totalOf(tally: Tally): number {
  let taken = 0;
  let returned = 0;
  for (const entry of tally.values()) {
    taken += entry.taken;
    returned += entry.returned;
  }
  return netOf({ taken, returned });
}

/**
 * A number that only rises, and stops at the largest that is exact: a caller may count 2^53 - 1 more
 * than once in a window.
 */
export function raised(value: number, by: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, value + by);
}
