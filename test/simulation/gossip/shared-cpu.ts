/**
 * Cores that all members share, as they do where many of them run in one process: work waits its turn,
 * so a burst at some makes all of them slow.
 */
export interface CpuCosts {
  readonly cores: number;
  /** To encode a packet and hand it to the kernel. */
  readonly sendMs: number;
  /** To take a packet in, and each message of it. */
  readonly receiveMs: number;
  readonly messageMs: number;
}

export class SharedCpu {
  private readonly freeAt: number[];
  private busyMs = 0;

  constructor(readonly costs: CpuCosts) {
    this.freeAt = Array.from({ length: costs.cores }, () => 0);
  }

  /** Core milliseconds of work so far. */
  get usedMs(): number {
    return this.busyMs;
  }

  /** How long it takes until such work is done, the wait for a core included. */
  delayMs(now: number, costMs: number): number {
    const core = this.freeAt.indexOf(Math.min(...this.freeAt));
    const doneAt = Math.max(now, this.freeAt[core] ?? 0) + costMs;
    this.freeAt[core] = doneAt;
    this.busyMs += costMs;
    return doneAt - now;
  }
}
