/**
 * A few members at random, none twice. In small clusters a copy is shuffled, so that all who
 * qualify are found; in large ones indices are drawn, so that the cost does not grow with the table.
 */
import type { Random } from '../../common/random.js';

export function shuffle(items: unknown[], random: Random): void {
  for (let last = items.length - 1; last > 0; last--) swap(items, last, random.below(last + 1));
}

export function swap(items: unknown[], a: number, b: number): void {
  const first = items[a];
  items[a] = items[b];
  items[b] = first;
}

export function pickRandom<T>(
  items: readonly T[],
  count: number,
  random: Random,
  qualifies: (item: T) => boolean,
): readonly T[] {
  if (items.length < 3 * count) {
    const copy = [...items];
    shuffle(copy, random);
    return copy.filter(qualifies).slice(0, count);
  }
  const picked = new Set<T>();
  for (let draw = 0; draw < 3 * items.length && picked.size < count; draw++) {
    const item = items[random.below(items.length)];
    if (item !== undefined && qualifies(item)) picked.add(item);
  }
  return [...picked];
}
