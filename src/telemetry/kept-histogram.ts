import { Histogram, type Registry } from 'prom-client';

/** One labelled series as its owner keeps it: counts per bucket, not cumulative, the last unbounded. */
export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly buckets: readonly number[];
  readonly sum: number;
}

export interface KeptHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds of all buckets but the last. */
  readonly bounds: readonly number[];
  readonly registry: Registry;
  /** Read at each scrape. */
  readonly series: () => readonly HistogramSeries[];
}

interface Sample {
  readonly metricName: string;
  readonly labels: Record<string, string | number>;
  readonly value: number;
}

/**
 * A histogram whose counts are kept by the code they are about. prom-client's own wants every
 * observation to pass through it, which costs a hot call more than the rest of its bookkeeping, and
 * would make the hot path depend on telemetry.
 */
export class KeptHistogram extends Histogram {
  constructor(private readonly kept: KeptHistogramOptions) {
    super({
      name: kept.name,
      help: kept.help,
      labelNames: [...kept.labelNames],
      buckets: [...kept.bounds],
      registers: [kept.registry],
    });
  }

  /** What the registry asks for when it writes the text format. */
  async getForPromString(): Promise<object> {
    const { name, help, series } = this.kept;
    const values = series().flatMap((each) => this.samples(each));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }

  private samples({ labels, buckets, sum }: HistogramSeries): readonly Sample[] {
    const { name, bounds } = this.kept;
    let below = 0;
    const cumulative = buckets.map((count, i) => {
      below += count;
      const le = bounds[i] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below };
    });
    return [
      ...cumulative,
      { metricName: `${name}_sum`, labels: { ...labels }, value: sum },
      { metricName: `${name}_count`, labels: { ...labels }, value: below },
    ];
  }
}
