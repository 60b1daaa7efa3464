/**
 * How much this node doubts itself: 0 is healthy. Missed acks and nacks, having to refute, and its
 * own event loop being late raise it; every ack lowers it. A doubting node waits longer before it
 * accuses anybody.
 *
 * Source: Lifeguard (2017), Local Health Aware Probe. As memberlist has it: only the probe interval
 * is scaled, up to `multiplierMax` times.
 */
export class Awareness {
  private value = 0;

  constructor(private readonly multiplierMax: number) {}

  /** Plain SWIM has no doubts. */
  get isOn(): boolean {
    return this.multiplierMax > 1;
  }

  get score(): number {
    return this.value;
  }

  add(delta: number): void {
    this.value = Math.min(Math.max(0, this.value + delta), this.multiplierMax - 1);
  }

  scale(intervalMs: number): number {
    return intervalMs * (this.value + 1);
  }
}
