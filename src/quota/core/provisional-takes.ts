/**
 * How much of each counter is taken by calls whose budgets are still being decided (semantics section
 * 6). A call that such a take turns away is told to ask again soon, not to wait for the window's end.
 * Holds one entry for each counter with a call in flight, and none when all is quiet.
 */
export class ProvisionalTakes {
  private readonly amounts = new Map<string, number>();

  of(counterName: string): number {
    return this.amounts.get(counterName) ?? 0;
  }

  begin(entries: readonly ProvisionalEntry[]): void {
    for (const { counter, amount } of entries) this.change(counter.name, amount);
  }

  end(entries: readonly ProvisionalEntry[]): void {
    for (const { counter, amount } of entries) this.change(counter.name, -amount);
  }

  private change(name: string, by: number): void {
    const amount = this.of(name) + by;
    if (amount === 0) this.amounts.delete(name);
    else this.amounts.set(name, amount);
  }
}

interface ProvisionalEntry {
  readonly counter: { readonly name: string };
  readonly amount: number;
}
