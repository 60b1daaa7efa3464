/** What became of one of several things that were begun together. */
export type Settled<T> = PromiseSettledResult<T>;

/** The value; throws what went wrong if there is none. */
export function settledValue<T>(outcome: Settled<T>): T {
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}

/** One thing went wrong with all of them. */
export const allRejected = (
  items: readonly unknown[],
  reason: unknown,
): readonly Settled<never>[] => items.map(() => ({ status: 'rejected', reason }));
