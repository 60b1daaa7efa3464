/**
 * How often the overflow counter of each group has served, so that an operator sees which limit has more
 * groups than it may. Bounded: groups that overflow when so many are named are counted together.
 */
export const OTHER_GROUPS = '(others)';

export class OverflowCounts {
  private readonly counts = new Map<string, number>();

  constructor(private readonly groupsMax: number) {}

  add(group: string): void {
    const isNamed = this.counts.has(group) || this.counts.size < this.groupsMax;
    const name = isNamed ? group : OTHER_GROUPS;
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** By the name of the group. */
  byGroup(): ReadonlyMap<string, number> {
    return this.counts;
  }
}
