import { readFile } from 'node:fs/promises';
import { SourceFailure, wordsOf } from './source-failure.js';

/** PEM files; each is read anew for every connection, so that it may be rotated. */
export interface TlsFiles {
  /** Authorities to trust in place of the system's. */
  readonly caFile?: string | undefined;
  /** Certificate and key to show to a service that asks for one; both or none. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export const hasTlsFiles = (files: TlsFiles = {}): boolean =>
  [files.caFile, files.certFile, files.keyFile].some((file) => file !== undefined);

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Throws a {@link SourceFailure} that names the file which cannot be read. */
export async function readTlsFiles(files: TlsFiles = {}): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all(
    [files.caFile, files.certFile, files.keyFile].map(readOptional),
  );
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

const readOptional = (path: string | undefined): Promise<Buffer | undefined> =>
  path === undefined ? Promise.resolve(undefined) : readNamed(path);

/** A file whose absence is told by name. */
export async function readNamed(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new SourceFailure(`cannot read ${path}: ${wordsOf(error)}`);
  }
}

/** A token or password: the file's text without the line break at its end. */
export async function readSecretFile(path: string): Promise<string> {
  const text = (await readNamed(path)).toString('utf8').trim();
  if (text === '') throw new SourceFailure(`${path} is empty; write the token into it`);
  return text;
}
