import { CsvError, parse } from 'csv-parse/sync';
import { invalidArgument } from '../common/domain-error.js';
import type { PriceDraft } from './core/drafts.js';
import { parsePriceRows, type TextRow } from './core/price-rows.js';

interface ParsedLine {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * Reads a price list in CSV; `core/price-rows.ts` has the rules.
 * @throws DomainError `INVALID_ARGUMENT` with every fault and its line.
 */
export function parsePriceCsv(text: string): readonly PriceDraft[] {
  const checked = parsePriceRows(readRows(text));
  if (checked.kind === 'invalid') throw invalidArgument(checked.violations);
  return checked.value;
}

function readRows(text: string): readonly TextRow[] {
  try {
    const lines = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: 65_536,
    }) as unknown as readonly ParsedLine[];
    return lines.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] : 1;
    throw invalidArgument([{ field: `line ${line}`, description: error.message }]);
  }
}
