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

type Values = Awaited<ReturnType<Histogram['get']>>;

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

  override async get(): Promise<Values> {
    const values = this.kept.series().flatMap((series) => this.samples(series));
    const { name, help } = this.kept;
    return { ...(await super.get()), name, help, values };
  }

  /** The registry prefers this method for the text format. */
  getForPromString(): Promise<Values> {
    return this.get();
  }

  private samples({ labels, buckets, sum }: HistogramSeries): Values['values'] {
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
