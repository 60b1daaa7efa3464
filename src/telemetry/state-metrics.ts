import { Counter, Gauge, type Registry } from 'prom-client';

/** A number that is read when somebody asks. */
export interface MetricSource {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export function registerGauges(registry: Registry, sources: readonly MetricSource[]): void {
  for (const { name, help, read } of sources)
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
}

/** Numbers that only rise. */
export function registerTotals(registry: Registry, sources: readonly MetricSource[]): void {
  for (const { name, help, read } of sources)
    void new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
}

/** Numbers that only rise, one for each value of a label, of which there are few. */
export interface LabelledSource {
  readonly name: string;
  readonly help: string;
  readonly label: string;
  readonly read: () => Iterable<readonly [value: string, total: number]>;
}

export function registerLabelledTotals(
  registry: Registry,
  { name, help, label, read }: LabelledSource,
): void {
  void new Counter({
    name,
    help,
    labelNames: [label],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, total] of read()) this.inc({ [label]: value }, total);
    },
  });
}
