/** Chance as a port, so that a simulation can replay it from a seed. */
export abstract class Random {
  /** A uniformly distributed integer in `[0, 2^32)`. */
  abstract uint32(): number;

  /** A uniformly distributed number in `[0, 1)`, with 32 bits of resolution. */
  fraction(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A uniformly distributed integer in `[0, bound)`; `bound` is at most 2^32. */
  below(bound: number): number {
    return Math.floor(this.fraction() * bound);
  }
}
