/**
 * What one source has counted in one counter: the two latest windows (or epochs) that it has counted in, by
 * their start. The starts are its own, so that replicas whose clocks are in different windows understand
 * each other. A concurrency counter has one slot without a start, and a lease: after it, the source is
 * not heard to hold anything.
 *
 * One object is used again and again: a delta has thousands.
 */
export class SourceEntry {
  start = 0;
  taken = 0;
  returned = 0;
  earlierStart = NO_START;
  earlierTaken = 0;
  earlierReturned = 0;
  /** Of a concurrency counter: when the last of its holds ends. */
  leaseEndsAt = 0;
  /** Of a token bucket: its level as the sender sees it. */
  deficitUnits = 0;
  unitsPerToken = 0;
  unitsPerMs = 0;
  levelAt = 0;

  clear(): void {
    this.start = 0;
    this.taken = 0;
    this.returned = 0;
    this.earlierStart = NO_START;
    this.earlierTaken = 0;
    this.earlierReturned = 0;
    this.leaseEndsAt = 0;
    this.deficitUnits = 0;
    this.unitsPerToken = 0;
    this.unitsPerMs = 0;
    this.levelAt = 0;
  }

  get hasEarlier(): boolean {
    return this.earlierTaken > 0 || this.earlierReturned > 0;
  }
}

/** Before every window. */
export const NO_START = -1;
