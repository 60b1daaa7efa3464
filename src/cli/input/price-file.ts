import type { Price } from '../../gen/weir/v1/governance_service.js';
import { CliError } from '../exit-code.js';
import { badLine, type CsvRecord, readCsv } from './csv.js';

const INPUT = 'input_pico_usd_per_token';
const OUTPUT = 'output_pico_usd_per_token';
const CACHED_INPUT = 'cached_input_pico_usd_per_token';
const REASONING = 'reasoning_pico_usd_per_token';

const COLUMNS = {
  required: ['provider', 'model', INPUT, OUTPUT],
  optional: [CACHED_INPUT, REASONING],
};

const INT64_MAX = 2n ** 63n - 1n;
const PRICES_MAX = 10_000;

/** The prices of a CSV file, as the service imports them. An empty optional price is absent. */
export async function readPriceFile(file: string): Promise<readonly Price[]> {
  const lines = new Map<string, number>();
  const prices: Price[] = [];
  for await (const record of readCsv(file, COLUMNS)) {
    const price = toPrice(file, record);
    const name = `${price.provider}/${price.model}`;
    const before = lines.get(name);
    if (before !== undefined) {
      throw badLine(file, record.line, `${name} has a price already, on line ${before}.`);
    }
    lines.set(name, record.line);
    if (prices.length === PRICES_MAX) {
      throw badLine(file, record.line, `more than ${PRICES_MAX} prices; split the file.`);
    }
    prices.push(price);
  }
  if (prices.length === 0) throw new CliError(`${file} has a header, but no prices.`);
  return prices;
}

function toPrice(file: string, { line, fields }: CsvRecord): Price {
  const text = (column: string): string => {
    const value = fields[column] ?? '';
    if (value === '') throw badLine(file, line, `${column} is empty.`);
    return value;
  };
  const picos = (column: string): bigint => {
    const value = text(column);
    const found = /^\d{1,19}$/.test(value) ? BigInt(value) : INT64_MAX + 1n;
    if (found <= INT64_MAX) return found;
    const shown = JSON.stringify(value.slice(0, 40));
    throw badLine(file, line, `${column} is ${shown}; a whole number of pico-USD, 0 or more.`);
  };
  const optional = (column: string): bigint | undefined =>
    (fields[column] ?? '') === '' ? undefined : picos(column);
  return {
    id: '',
    provider: text('provider'),
    model: text('model'),
    inputPicoUsdPerToken: picos(INPUT),
    cachedInputPicoUsdPerToken: optional(CACHED_INPUT),
    outputPicoUsdPerToken: picos(OUTPUT),
    reasoningPicoUsdPerToken: optional(REASONING),
    revision: 0,
    createdAt: undefined,
    updatedAt: undefined,
  };
}
