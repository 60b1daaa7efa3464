/**
 * A group of debits, taken apart for a store that works on sets: repetitions within the group left
 * out, every period named once, and what is posted where as pairs.
 */
import { assert } from '../../common/assert.js';
import type { Debit, PeriodKey } from './ledger-model.js';

/** A debit as it arrived: the item that it is, or that it repeats with key and body. */
export interface Place {
  readonly item: number;
  readonly isRepeated: boolean;
}

export interface Posting {
  /** Index into {@link DebitGroup.items}. */
  readonly item: number;
  /** Index into {@link DebitGroup.periods}. */
  readonly period: number;
}

export interface DebitGroup {
  /**
   * The first debit of each key and body, in order of arrival. A key with two bodies makes two items:
   * which of them conflicts is for the store to say, since it may know the key already.
   */
  readonly items: readonly Debit[];
  readonly periods: readonly PeriodKey[];
  readonly postings: readonly Posting[];
  readonly places: readonly Place[];
}

export function groupDebits(debits: readonly Debit[]): DebitGroup {
  const items: Debit[] = [];
  const postings: Posting[] = [];
  const itemOf = new Map<string, number>();
  const periods = new PeriodIndex();
  const places = debits.map((debit): Place => {
    const name = JSON.stringify([debit.scope, debit.idempotencyKey, debit.bodyHash]);
    const earlier = itemOf.get(name);
    if (earlier !== undefined) return { item: earlier, isRepeated: true };
    const item = items.push(debit) - 1;
    itemOf.set(name, item);
    for (const period of periods.indexesOf(debit.postedTo)) postings.push({ item, period });
    return { item, isRepeated: false };
  });
  return { items, periods: periods.keys, postings, places };
}

/** A text that is equal for equal periods. */
export const periodName = (key: PeriodKey): string =>
  `${key.budgetId} ${key.generation} ${key.period.start}`;

/** Numbers periods in the order in which they are first seen. */
class PeriodIndex {
  readonly keys: PeriodKey[] = [];
  private readonly indexOf = new Map<string, number>();

  indexesOf(keys: readonly PeriodKey[]): readonly number[] {
    const indexes = keys.map((key) => this.indexOfKey(key));
    assert(new Set(indexes).size === indexes.length, 'a debit is posted to a period once');
    return indexes;
  }

  private indexOfKey(key: PeriodKey): number {
    const name = periodName(key);
    const known = this.indexOf.get(name);
    if (known !== undefined) return known;
    const index = this.keys.push(key) - 1;
    this.indexOf.set(name, index);
    return index;
  }
}
