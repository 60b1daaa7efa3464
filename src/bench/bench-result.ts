/** What every benchmark returns: a titled table that a person and a program can both read. */
export interface BenchResult {
  readonly name: string;
  /** What was measured, under which load, in one sentence. */
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  readonly notes: readonly string[];
}

export interface Bench {
  readonly name: string;
  /** `progress` is told what is being measured right now. */
  run(options: BenchOptions, progress: (line: string) => void): Promise<BenchResult>;
}

export interface BenchOptions {
  /** Seconds for each measured figure. */
  readonly seconds: number;
  /** Virtual keys in the directory of the decision benchmark. */
  readonly keys: number;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}

export const round = (value: number, digits = 2): number => Number(value.toFixed(digits));
