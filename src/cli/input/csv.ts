import { createReadStream } from 'node:fs';
import { CsvError, parse } from 'csv-parse';
import { CliError } from '../exit-code.js';

/** A record with its place in the file. */
export interface CsvRecord {
  /** From 1; the header is line 1. */
  readonly line: number;
  /** By column name. Every record has every column of the header. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface CsvColumns {
  readonly required: readonly string[];
  readonly optional?: readonly string[];
}

const RECORD_BYTES_MAX = 65_536;

/** The records of a CSV file, one at a time, each checked to have the columns of the header. */
export async function* readCsv(file: string, columns: CsvColumns): AsyncGenerator<CsvRecord> {
  const parser = createReadStream(file)
    .on('error', (error) => parser.destroy(error))
    .pipe(
      parse({
        bom: true,
        info: true,
        relax_column_count: true,
        skip_empty_lines: true,
        trim: true,
        max_record_size: RECORD_BYTES_MAX,
      }),
    );
  let header: readonly string[] | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<RawRecord>) {
      if (header) yield { line: info.lines, fields: named(file, header, { record, info }) };
      else header = checkHeader(file, record, columns);
    }
  } catch (error) {
    throw error instanceof CsvError ? new CliError(`${file}: ${error.message}.`) : error;
  }
  if (!header) throw new CliError(`${file} is empty. Expected: ${columns.required.join(',')}`);
}

/** What csv-parse yields with `info: true`. */
interface RawRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/** One line is wrong: the file, the line and the fix. */
export function badLine(file: string, line: number, problem: string): CliError {
  return new CliError(`${file}, line ${line}: ${problem}`);
}

function checkHeader(
  file: string,
  header: readonly string[],
  { required, optional = [] }: CsvColumns,
): readonly string[] {
  const missing = required.filter((name) => !header.includes(name));
  const unknown = header.filter((name) => !required.includes(name) && !optional.includes(name));
  const twice = header.filter((name, i) => header.indexOf(name) !== i);
  const problems = [
    ...missing.map((name) => `the column ${name} is missing`),
    ...unknown.map((name) => `the column ${JSON.stringify(name.slice(0, 80))} is not known`),
    ...twice.map((name) => `the column ${name} is there twice`),
  ];
  if (problems.length === 0) return header;
  const expected = [...required, ...optional.map((name) => `[${name}]`)].join(',');
  throw badLine(file, 1, `${problems.slice(0, 5).join('; ')}. Expected: ${expected}`);
}

function named(
  file: string,
  header: readonly string[],
  { record, info }: RawRecord,
): Readonly<Record<string, string>> {
  if (record.length !== header.length) {
    const problem = `${record.length} fields instead of ${header.length} (${header.join(',')})`;
    throw badLine(file, info.lines, problem);
  }
  return Object.fromEntries(header.map((name, i) => [name, record[i] ?? '']));
}
