/**
 * Sources by number, so that an entry names one in a word. A number lives as long as entries do that
 * name it, and is used again afterwards.
 */
import { present } from '../../common/assert.js';

/** One run of one replica. */
export interface EntrySource {
  readonly replicaId: string;
  readonly bootId: string;
  readonly region: string;
}

interface Numbered {
  readonly source: EntrySource;
  readonly key: string;
  entries: number;
}

export class SourceTable {
  private readonly places: (Numbered | undefined)[] = [undefined];
  private readonly numbers = new Map<string, number>();
  private readonly free: number[] = [];

  get size(): number {
    return this.numbers.size;
  }

  /** The number of a source that has entries, or 0. */
  find(source: EntrySource): number {
    return this.numbers.get(keyOf(source)) ?? 0;
  }

  /** The number of a source, which gets one more entry. */
  join(source: EntrySource): number {
    const key = keyOf(source);
    const number = this.numbers.get(key) ?? this.add(source, key);
    this.at(number).entries += 1;
    return number;
  }

  /** It has one entry less. */
  leave(number: number): void {
    const place = this.at(number);
    place.entries -= 1;
    if (place.entries > 0) return;
    this.places[number] = undefined;
    this.numbers.delete(place.key);
    this.free.push(number);
  }

  sourceOf(number: number): EntrySource {
    return this.at(number).source;
  }

  private add(source: EntrySource, key: string): number {
    const number = this.free.pop() ?? this.places.length;
    this.places[number] = { source, key, entries: 0 };
    this.numbers.set(key, number);
    return number;
  }

  private at(number: number): Numbered {
    return present(this.places[number], 'a source lives as long as its entries');
  }
}

const keyOf = ({ region, replicaId, bootId }: EntrySource): string =>
  `${region}\0${replicaId}\0${bootId}`;

export const isSameSource = (a: EntrySource, b: EntrySource): boolean =>
  a.bootId === b.bootId && a.replicaId === b.replicaId && a.region === b.region;
