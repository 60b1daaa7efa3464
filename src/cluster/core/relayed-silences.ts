/**
 * Silences of other regions, which their relays notice and nobody else: who hears what was counted in one is
 * told how long it was, so that a token bucket is not drained of what has come back meanwhile (ADR 0122).
 */
interface RelayedSilence {
  readonly ms: number;
  /** What came after it lies before this position of the feed of other regions. */
  readonly until: number;
}

/** As many may be told of at once; of more, the earliest are forgotten. */
const KEPT_MAX = 16;

export class RelayedSilences {
  private kept: RelayedSilence[] = [];

  noticed(ms: number, until: number): void {
    this.kept = [...this.kept.slice(1 - KEPT_MAX), { ms, until }];
  }

  /** The longest that ended behind what has been acknowledged; 0 if there is none. */
  after(acked: number): number {
    return this.kept.reduce(
      (most, { ms, until }) => (until > acked ? Math.max(most, ms) : most),
      0,
    );
  }
}
