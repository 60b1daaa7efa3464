/**
 * What was taken and is not decided yet: it counts here at once, and peers are told of it when it is
 * committed (semantics, section 6). Holds one entry for each counter of a call in flight.
 */
interface Pending {
  readonly windowStart: number;
  amount: number;
}

export class PendingTakes {
  private readonly byCounter = new Map<number, Pending[]>();

  get size(): number {
    return this.byCounter.size;
  }

  add(id: number, windowStart: number, amount: number): void {
    const pending = this.byCounter.get(id) ?? [];
    const known = pending.find((each) => each.windowStart === windowStart);
    if (known === undefined) pending.push({ windowStart, amount });
    else known.amount += amount;
    this.byCounter.set(id, pending);
  }

  /** False: it was not pending, or its counter has left. */
  end(id: number, windowStart: number, amount: number): boolean {
    const pending = this.byCounter.get(id);
    const known = pending?.find((each) => each.windowStart === windowStart);
    if (pending === undefined || known === undefined || known.amount < amount) return false;
    known.amount -= amount;
    const rest = pending.filter((each) => each.amount > 0);
    if (rest.length === 0) this.byCounter.delete(id);
    else this.byCounter.set(id, rest);
    return true;
  }

  in(id: number, windowStart: number): number {
    const pending = this.byCounter.get(id);
    return pending?.find((each) => each.windowStart === windowStart)?.amount ?? 0;
  }

  forget(id: number): void {
    this.byCounter.delete(id);
  }
}
