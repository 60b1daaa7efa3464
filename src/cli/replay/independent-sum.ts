/**
 * What the ledger must hold after a replay, computed from the two files alone. It imports nothing of
 * this project and repeats what it needs in its own words, so that a mistake over there cannot hide
 * here: its own reading of CSV, its own assignment of models, its own rounding.
 */
import { readFileSync } from 'node:fs';

export interface IndependentSum {
  readonly rows: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly amountNanos: bigint;
}

export interface SumRequest {
  readonly trace: string;
  readonly prices: string;
  /** PROVIDER/MODEL, in the order of the assignment. */
  readonly models: readonly string[];
  /** How many keys take turns. Row n, from 0, goes to model floor(n / keys) mod models. */
  readonly keys: number;
  /** Which rows count, by number from 0. */
  readonly counts: (row: number) => boolean;
}

export function independentSum(request: SumRequest): IndependentSum {
  const prices = pricesOf(request.prices);
  const lines = linesOf(request.trace);
  const inputColumn = columnOf(lines, 'ContextTokens');
  const outputColumn = columnOf(lines, 'GeneratedTokens');
  let rows = 0;
  let inputTokens = 0n;
  let outputTokens = 0n;
  let amountNanos = 0n;
  for (let row = 0; row < lines.length - 1; row++) {
    if (!request.counts(row)) continue;
    const cells = cellsOf(lines[row + 1]);
    const input = BigInt(cells[inputColumn] ?? '');
    const output = BigInt(cells[outputColumn] ?? '');
    const turn = Math.floor(row / request.keys) % request.models.length;
    const price = prices.get(request.models[turn] ?? '');
    if (!price) throw new Error(`no price of ${request.models[turn]}`);
    const picos = input * price.input + output * price.output;
    rows += 1;
    inputTokens += input;
    outputTokens += output;
    amountNanos += halfUpThousandth(picos);
  }
  return { rows, inputTokens, outputTokens, amountNanos };
}

/** A thousandth, rounded once; exactly half goes up. */
function halfUpThousandth(picos: bigint): bigint {
  const whole = picos / 1000n;
  return picos % 1000n >= 500n ? whole + 1n : whole;
}

function pricesOf(file: string): Map<string, { input: bigint; output: bigint }> {
  const lines = linesOf(file);
  const [provider, model] = [columnOf(lines, 'provider'), columnOf(lines, 'model')];
  const input = columnOf(lines, 'input_pico_usd_per_token');
  const output = columnOf(lines, 'output_pico_usd_per_token');
  const prices = new Map<string, { input: bigint; output: bigint }>();
  for (const line of lines.slice(1)) {
    const cells = cellsOf(line);
    prices.set(`${cells[provider]}/${cells[model]}`, {
      input: BigInt(cells[input] ?? ''),
      output: BigInt(cells[output] ?? ''),
    });
  }
  return prices;
}

const linesOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line.trim() !== '');

function columnOf(lines: readonly string[], name: string): number {
  const found = cellsOf(lines[0]).indexOf(name);
  if (found < 0) throw new Error(`no column ${name}`);
  return found;
}

/** Cells between commas; one that is quoted may hold commas. */
function cellsOf(line = ''): string[] {
  const cells = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
  return cells.map((cell) =>
    cell
      .replace(/,$/, '')
      .trim()
      .replace(/^"(.*)"$/, '$1'),
  );
}
