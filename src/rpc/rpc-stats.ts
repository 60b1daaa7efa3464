/** Upper bounds of the latency buckets, in seconds: from a memory decision to a database in trouble. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10,
];

/** What happened to the calls of one method. Plain numbers: telemetry reads them when it is asked. */
export interface MethodStats {
  /** Calls by their gRPC status code. */
  readonly byCode: Map<number, number>;
  /** Calls per latency bucket, not cumulative; the last one has no upper bound. */
  readonly buckets: number[];
  secondsTotal: number;
}

/** Counts calls by method. Methods are those of our services, so the map is bounded. */
export class RpcStats {
  readonly methods = new Map<string, MethodStats>();

  record(method: string, code: number, seconds: number): void {
    const stats = this.methods.get(method) ?? this.begin(method);
    stats.byCode.set(code, (stats.byCode.get(code) ?? 0) + 1);
    const found = LATENCY_BOUNDS_SECONDS.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? LATENCY_BOUNDS_SECONDS.length : found;
    stats.buckets[bucket] = (stats.buckets[bucket] ?? 0) + 1;
    stats.secondsTotal += seconds;
  }

  private begin(method: string): MethodStats {
    const buckets = Array.from({ length: LATENCY_BOUNDS_SECONDS.length + 1 }, () => 0);
    const stats: MethodStats = { byCode: new Map(), buckets, secondsTotal: 0 };
    this.methods.set(method, stats);
    return stats;
  }
}
