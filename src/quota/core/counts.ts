/** A count that is too large for a counter: it fits no maximum. */
const TOO_LARGE = 2 ** 53;

/** An amount as counters take it: exact, or {@link TOO_LARGE}. */
export const countOf = (amount: bigint): number =>
  amount > BigInt(Number.MAX_SAFE_INTEGER) ? TOO_LARGE : Number(amount);

/** The most of a count that a counter can take. */
export const countable = (count: number): number => Math.min(count, Number.MAX_SAFE_INTEGER);

/**
 * Room that there must be for a call beyond what it takes: for one of unknown cost anything at all, for
 * one that is too large more than there ever is.
 */
export function roomFor(cost: number | undefined): number {
  if (cost === undefined) return 1;
  return cost > Number.MAX_SAFE_INTEGER ? cost : 0;
}
