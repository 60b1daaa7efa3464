import { Gauge, type Registry } from 'prom-client';

/** A number that is read when somebody asks. */
export interface GaugeSource {
  readonly name: string;
  readonly help: string;
  readonly read: () => number;
}

export function registerGauges(registry: Registry, sources: readonly GaugeSource[]): void {
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
