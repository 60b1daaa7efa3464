/** What happened how often, for metrics: names are fixed, so the number of counters is, too. */
export class GossipCounters {
  private readonly values = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.values.set(name, (this.values.get(name) ?? 0) + amount);
  }

  get(name: string): number {
    return this.values.get(name) ?? 0;
  }

  /** Sorted by name. */
  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.values].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}
