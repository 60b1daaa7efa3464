import { readFile, stat } from 'node:fs/promises';
import { parseDocument } from 'yaml';
import { CliError } from '../exit-code.js';
import type { CliIo } from '../io.js';

const DOCUMENT_BYTES_MAX = 4_194_304;

/** A JSON or YAML document from a file, or from standard input if the name is `-`. */
export async function readDocument(name: string, io: CliIo): Promise<unknown> {
  const source = await readText(name, io);
  const document = parseDocument(source, { intAsBigInt: true, strict: true });
  const [problem] = document.errors;
  if (problem) throw new CliError(`${name}: ${problem.message}`);
  return document.toJS({ maxAliasCount: 0 });
}

/** The text of a file, or of standard input if the name is `-`. */
export function readText(name: string, io: CliIo): Promise<string> {
  return name === '-' ? readAll(io) : readBounded(name);
}

async function readBounded(name: string): Promise<string> {
  const { size } = await stat(name);
  if (size > DOCUMENT_BYTES_MAX) throw tooLong(name);
  return readFile(name, 'utf8');
}

async function readAll(io: CliIo): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of io.stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > DOCUMENT_BYTES_MAX) throw tooLong('standard input');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const tooLong = (name: string): CliError =>
  new CliError(`${name} is longer than ${DOCUMENT_BYTES_MAX} bytes.`);
