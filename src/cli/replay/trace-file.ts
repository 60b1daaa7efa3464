import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { CliError } from '../exit-code.js';
import { badLine, type CsvRecord, readCsv } from '../input/csv.js';

/** One call of the trace. */
export interface TraceRow {
  /** From 0. */
  readonly row: number;
  /** Milliseconds since 1970, with fractions. */
  readonly atMs: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
}

export interface TraceSummary {
  /** SHA-256 of the file, hexadecimal. */
  readonly hash: string;
  readonly rows: number;
  /** When the first call was. */
  readonly startMs: number;
}

const COLUMNS = { required: ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'] };

/** Reads the whole trace once, so that a bad line is found before the first call is made. */
export async function checkTrace(file: string): Promise<TraceSummary> {
  let rows = 0;
  let startMs: number | undefined;
  for await (const { atMs } of readTrace(file)) {
    startMs ??= atMs;
    rows += 1;
  }
  if (startMs === undefined) throw new CliError(`${file} has a header, but no calls.`);
  return { rows, startMs, hash: await hashOf(file) };
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** The calls in the order of the file. */
export async function* readTrace(file: string): AsyncGenerator<TraceRow> {
  let row = 0;
  for await (const record of readCsv(file, COLUMNS)) {
    yield toRow(file, record, row);
    row += 1;
  }
}

function toRow(file: string, { line, fields }: CsvRecord, row: number): TraceRow {
  const tokens = (column: string): bigint => {
    const value = fields[column] ?? '';
    if (/^\d{1,12}$/.test(value)) return BigInt(value);
    throw badLine(file, line, `${column} is ${shown(value)}; a whole number of tokens, 0 or more.`);
  };
  const timestamp = fields['TIMESTAMP'] ?? '';
  const atMs = parseTraceTime(timestamp);
  if (atMs === undefined) {
    const example = '2023-11-16 18:15:46.6805900';
    throw badLine(file, line, `TIMESTAMP is ${shown(timestamp)}; a UTC time such as ${example}.`);
  }
  return {
    row,
    atMs,
    inputTokens: tokens('ContextTokens'),
    outputTokens: tokens('GeneratedTokens'),
  };
}

/** UTC, with up to 7 decimals of a second (units of 100 ns), in milliseconds. */
export function parseTraceTime(text: string): number | undefined {
  const found = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?:\.(\d{1,7}))?Z?$/.exec(text);
  if (!found) return undefined;
  const [, day = '', time = '', fraction = ''] = found;
  const ms = Date.parse(`${day}T${time}Z`);
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(`${day}T${time}`))
    return undefined;
  return ms + Number(fraction.padEnd(7, '0')) / 10_000;
}

const shown = (value: string): string => JSON.stringify(value.slice(0, 40));
