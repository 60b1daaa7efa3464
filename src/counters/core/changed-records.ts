/** Which records were changed since they were last taken out: each is named once, in order. */
export class ChangedRecords {
  private bits = new Int32Array(1_024);
  private queue: number[] = [];
  /** What is before it in the queue was taken out. */
  private head = 0;

  get size(): number {
    return this.queue.length - this.head;
  }

  mark(record: number): void {
    const word = record >>> 5;
    if (word >= this.bits.length) this.grow(word);
    const bit = 1 << (record & 31);
    const bits = this.bits[word] ?? 0;
    if ((bits & bit) !== 0) return;
    this.bits[word] = bits | bit;
    this.queue.push(record);
  }

  /** Takes out at most `count` records, those first that changed first. */
  drain(count: number): readonly number[] {
    const drained = this.queue.slice(this.head, this.head + count);
    this.head += drained.length;
    if (this.head * 2 >= this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    for (const record of drained) {
      const word = record >>> 5;
      this.bits[word] = (this.bits[word] ?? 0) & ~(1 << (record & 31));
    }
    return drained;
  }

  private grow(word: number): void {
    const grown = new Int32Array(2 ** Math.ceil(Math.log2(word + 1)));
    grown.set(this.bits);
    this.bits = grown;
  }
}
