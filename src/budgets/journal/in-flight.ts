/** Counts work that is under way, for those who must wait until none is. */
export class InFlight {
  private underway = 0;
  private idlers: (() => void)[] = [];

  get count(): number {
    return this.underway;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.begin();
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  /** {@link run} in two halves, for those who have a `try` of their own: a promise less for each. */
  begin(): void {
    this.underway++;
  }

  end(): void {
    if (--this.underway === 0) this.reportIdle();
  }

  idle(): Promise<void> {
    if (this.underway === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.idlers.push(resolve);
    });
  }

  private reportIdle(): void {
    for (const resolve of this.idlers) resolve();
    this.idlers = [];
  }
}
