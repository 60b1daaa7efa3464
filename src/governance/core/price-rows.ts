import type { PriceDraft } from './drafts.js';
import { priceName } from './import-prices.js';
import { validatePrice } from './validate-price.js';
import { type Checked, quote, Violations } from './violations.js';

/**
 * A price list as rows of text, the first of which names the columns, in any order. Amounts are integers
 * of pico-USD per token; an empty optional one is absent, so the price falls back to input or output.
 */
export interface TextRow {
  /** Line of the file that it began on, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

const REQUIRED = [
  'provider',
  'model',
  'input_pico_usd_per_token',
  'output_pico_usd_per_token',
  'cached_input_pico_usd_per_token',
] as const;
const OPTIONAL = ['reasoning_pico_usd_per_token'] as const;
const COLUMNS: readonly string[] = [...REQUIRED, ...OPTIONAL];

type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number];

/** More than that are of one cause, and nobody reads them. */
const FAULTS_MAX = 1_000;
/** As many as 2^63 has. */
const INTEGER = /^-?[0-9]{1,19}$/;

/** The prices of a list, or every fault with its line. */
export function parsePriceRows(rows: readonly TextRow[]): Checked<readonly PriceDraft[]> {
  const found = new Violations(FAULTS_MAX);
  const [header, ...body] = rows;
  const places = findColumns(header, found);
  if (places === undefined) return found.conclude([]);
  const drafts: PriceDraft[] = [];
  const lines = new Map<string, number>();
  for (const row of body) {
    const draft = readRow(row, { places, width: header?.cells.length ?? 0 }, found);
    if (draft === undefined) continue;
    const name = priceName(draft);
    const earlier = lines.get(name);
    if (earlier !== undefined)
      found.add(`line ${row.line}`, `${quote(name)} is on line ${earlier} too`);
    lines.set(name, row.line);
    drafts.push(draft);
  }
  return found.conclude(drafts);
}

type Places = ReadonlyMap<string, number>;

function findColumns(header: TextRow | undefined, found: Violations): Places | undefined {
  const field = `line ${header?.line ?? 1}`;
  const names = (header?.cells ?? []).map((cell) => cell.trim());
  const missing = REQUIRED.filter((column) => !names.includes(column));
  const unknown = names.filter((name) => !COLUMNS.includes(name));
  const repeated = names.filter((name, i) => names.indexOf(name) !== i);
  if (missing.length > 0) found.add(field, `lacks the columns ${missing.join(', ')}`);
  if (unknown.length > 0) {
    const few = unknown.slice(0, 10).map(quote).join(', ');
    found.add(field, `has unknown columns: ${few}; known are ${COLUMNS.join(', ')}`);
  }
  if (repeated.length > 0) {
    found.add(field, `has columns twice: ${repeated.slice(0, 10).map(quote).join(', ')}`);
  }
  const isUsable = missing.length + unknown.length + repeated.length === 0;
  return isUsable ? new Map(names.map((name, i) => [name, i])) : undefined;
}

function readRow(
  row: TextRow,
  header: { readonly places: Places; readonly width: number },
  found: Violations,
): PriceDraft | undefined {
  const path = `line ${row.line}`;
  if (row.cells.length !== header.width) {
    found.add(path, `has ${row.cells.length} cells, but there are ${header.width} columns`);
    return undefined;
  }
  const cell = (column: Column): string => row.cells[header.places.get(column) ?? -1]?.trim() ?? '';
  const amount = (column: Column): bigint => readAmount(cell(column), `${path}.${column}`, found);
  const optional = (column: Column): bigint | undefined =>
    cell(column) === '' ? undefined : amount(column);
  const draft = {
    id: '',
    provider: cell('provider'),
    model: cell('model'),
    inputPicos: amount('input_pico_usd_per_token'),
    outputPicos: amount('output_pico_usd_per_token'),
    cachedInputPicos: optional('cached_input_pico_usd_per_token'),
    reasoningPicos: optional('reasoning_pico_usd_per_token'),
  };
  const checked = validatePrice(draft, path);
  if (checked.kind === 'invalid') found.addAll(checked.violations);
  return draft;
}

function readAmount(text: string, field: string, found: Violations): bigint {
  if (INTEGER.test(text)) return BigInt(text);
  const is = text === '' ? 'empty' : quote(text);
  found.add(field, `must be an integer of pico-USD, but is ${is}`);
  return 0n;
}
