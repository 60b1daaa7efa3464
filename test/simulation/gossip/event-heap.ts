/** Actions by their time; equal times in the order they were given. A binary heap. */
interface Item {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

export class EventHeap {
  private readonly items: Item[] = [];
  private nextOrder = 0;

  peek(): number | undefined {
    return this.items[0]?.at;
  }

  push(at: number, action: () => void): void {
    this.items.push({ at, order: this.nextOrder++, action });
    this.rise(this.items.length - 1);
  }

  pop(): (() => void) | undefined {
    const [first] = this.items;
    const last = this.items.pop();
    if (first === undefined || last === undefined) return undefined;
    if (this.items.length > 0) {
      this.items[0] = last;
      this.sink(0);
    }
    return first.action;
  }

  private rise(start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.precedes(at, parent)) return;
      this.exchange(at, parent);
      at = parent;
    }
  }

  private sink(start: number): void {
    let at = start;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.items.length && this.precedes(child, least)) least = child;
      }
      if (least === at) return;
      this.exchange(at, least);
      at = least;
    }
  }

  private precedes(a: number, b: number): boolean {
    const [first, second] = [this.items[a], this.items[b]];
    if (first === undefined || second === undefined) return false;
    return first.at === second.at ? first.order < second.order : first.at < second.at;
  }

  private exchange(a: number, b: number): void {
    const [first, second] = [this.items[a], this.items[b]];
    if (first === undefined || second === undefined) return;
    this.items[a] = second;
    this.items[b] = first;
  }
}
