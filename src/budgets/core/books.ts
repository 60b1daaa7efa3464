/** The books are right if balances are the sums of what they stand for (I2). */
import { periodName } from './period-name.js';
import type { Entry, Reservation } from './settlement.js';

/** By the name of the period. */
export interface Books {
  readonly posted: ReadonlyMap<string, bigint>;
  readonly held: ReadonlyMap<string, bigint>;
}

/** Where a balance is not the sum of its entries or of its open holds. */
export function faultsOf(
  books: Books,
  entries: readonly Entry[],
  reservations: readonly Reservation[],
): readonly string[] {
  const posted = new Map<string, bigint>();
  const held = new Map<string, bigint>();
  for (const { postings } of entries)
    for (const { key, nanos } of postings) add(posted, periodName(key), nanos);
  for (const { hold, state, amountNanos } of reservations)
    if (state === 'held')
      for (const { key } of hold.budgets) add(held, periodName(key), amountNanos);
  return [...differences('posted', books.posted, posted), ...differences('held', books.held, held)];
}

const add = (sums: Map<string, bigint>, name: string, nanos: bigint): unknown =>
  sums.set(name, (sums.get(name) ?? 0n) + nanos);

function differences(
  what: string,
  actual: ReadonlyMap<string, bigint>,
  expected: ReadonlyMap<string, bigint>,
): readonly string[] {
  const names = new Set([...actual.keys(), ...expected.keys()]);
  return [...names].flatMap((name) => {
    const [is, should] = [actual.get(name) ?? 0n, expected.get(name) ?? 0n];
    return is === should ? [] : [`${what} in ${name} is ${is}, its records say ${should}`];
  });
}
