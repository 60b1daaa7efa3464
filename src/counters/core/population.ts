/**
 * How many counters are live, in all and in each group, against how many may be. One population is
 * shared by all algorithms of an engine. Overflow counters come even when it is full: there is one per
 * limit at most, and the number of limits is bounded by who declares them.
 */
import { present } from '../../common/assert.js';
import type { CounterGroup } from './counter.js';

/** The number of a counter that belongs to no group. */
export const NO_GROUP = 0;

interface Group {
  readonly name: string;
  live: number;
}

export class Population {
  private readonly groups: (Group | undefined)[] = [undefined];
  private readonly numbers = new Map<string, number>();
  private readonly freeNumbers: number[] = [];
  private total = 0;

  constructor(readonly liveMax: number) {}

  get live(): number {
    return this.total;
  }

  get isFull(): boolean {
    return this.total >= this.liveMax;
  }

  hasRoomFor(group: CounterGroup | undefined): boolean {
    if (this.isFull) return false;
    if (group === undefined) return true;
    const number = this.numbers.get(group.name);
    return (number === undefined ? 0 : this.groupAt(number).live) < group.countersMax;
  }

  /** Counts a counter in, and gives the number of its group. */
  join(groupName: string | undefined): number {
    this.total += 1;
    if (groupName === undefined) return NO_GROUP;
    const number = this.numbers.get(groupName) ?? this.found(groupName);
    this.groupAt(number).live += 1;
    return number;
  }

  leave(number: number): void {
    this.total -= 1;
    if (number === NO_GROUP) return;
    const group = this.groupAt(number);
    group.live -= 1;
    if (group.live > 0) return;
    this.groups[number] = undefined;
    this.numbers.delete(group.name);
    this.freeNumbers.push(number);
  }

  nameOf(number: number): string | undefined {
    return this.groups[number]?.name;
  }

  private found(name: string): number {
    const number = this.freeNumbers.pop() ?? this.groups.length;
    this.groups[number] = { name, live: 0 };
    this.numbers.set(name, number);
    return number;
  }

  private groupAt(number: number): Group {
    return present(this.groups[number], 'a group lives as long as its counters');
  }
}
