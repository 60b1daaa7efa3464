/** Upper bounds of the buckets of the event loop's lag, in seconds. */
export const LAG_BOUNDS_SECONDS: readonly number[] = [
  0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
];

export type TurnedAwayCause = 'starting' | 'overload' | 'deadline';

/** Plain numbers: telemetry reads them when it is asked. */
export class LoadStats {
  /** Calls that were not worked on, by method. Methods are those of our services, so this is bounded. */
  readonly turnedAway = new Map<string, Record<TurnedAwayCause, number>>();
  /** Turns of the loop by how late they were, not cumulative; the last bucket has no upper bound. */
  readonly lagBuckets = Array.from({ length: LAG_BOUNDS_SECONDS.length + 1 }, () => 0);
  lagSecondsTotal = 0;

  countTurnedAway(method: string, cause: TurnedAwayCause): void {
    const counts = this.turnedAway.get(method) ?? { starting: 0, overload: 0, deadline: 0 };
    counts[cause] += 1;
    this.turnedAway.set(method, counts);
  }

  recordLag(lagMs: number): void {
    const seconds = lagMs / 1_000;
    const found = LAG_BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? LAG_BOUNDS_SECONDS.length : found;
    this.lagBuckets[bucket] = (this.lagBuckets[bucket] ?? 0) + 1;
    this.lagSecondsTotal += seconds;
  }
}
