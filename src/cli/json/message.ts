import { type Codec, type Json, JsonError, readObject } from './codec.js';

/** One codec for each field of T, no more and no fewer. */
type Fields<T> = { readonly [K in keyof T]-?: Codec<T[K]> | Oneof<T[K]> };

/** A codec of a field that has no name of its own in JSON: one of several names stands for it. */
interface Oneof<T> {
  readonly oneof: readonly string[];
  write(value: T): Record<string, Json>;
  read(input: Record<string, unknown>, path: string): T;
}

/** The generated shape of a `oneof`. */
type Union<V> = { [K in keyof V]: { $case: K; value: V[K] } }[keyof V];

export function oneof<V extends Record<string, unknown>>(cases: {
  readonly [K in keyof V]: Codec<V[K]>;
}): Oneof<Union<V> | undefined> {
  const names = Object.keys(cases);
  const codecs = new Map<string, Codec<unknown>>(Object.entries(cases));
  return {
    oneof: names,
    write: (union) => {
      if (!union) return {};
      const json = codecs.get(String(union.$case))?.write(union.value);
      return json === undefined ? {} : { [String(union.$case)]: json };
    },
    read: (input, path) => {
      const given = names.filter((name) => input[name] !== undefined && input[name] !== null);
      if (given.length > 1) throw new JsonError(path, `give one of ${given.join(' and ')} only`);
      const [name] = given;
      if (name === undefined) return undefined;
      const value = codecs.get(name)?.read(input[name], join(path, name));
      // The codec of this name read the value, so that the two belong together.
      return { $case: name, value } as Union<V>;
    },
  };
}

export function message<T extends object>(fields: Fields<T>): Codec<T> {
  const entries = Object.entries<Codec<unknown> | Oneof<unknown>>(fields);
  const known = entries.flatMap(([name, field]) => ('oneof' in field ? field.oneof : [name]));
  return {
    write: (value) => writeFields(entries, value),
    read: (json, path) => {
      const input = camelKeys(readObject(json, path), path);
      refuseUnknown(input, known, path);
      // Every field of T has an entry, so the object is whole.
      return Object.fromEntries(
        entries.map(([name, field]) => [name, readField(name, field, input, path)]),
      ) as T;
    },
    blank: () =>
      Object.fromEntries(
        entries.map(([name, field]) => [name, 'oneof' in field ? undefined : field.blank()]),
      ) as T,
  };
}

function writeFields(
  entries: readonly [string, Codec<unknown> | Oneof<unknown>][],
  value: object,
): Record<string, Json> {
  const json: Record<string, Json> = {};
  const values: Readonly<Record<string, unknown>> = { ...value };
  for (const [name, field] of entries) {
    if ('oneof' in field) {
      Object.assign(json, field.write(values[name]));
      continue;
    }
    const written = field.write(values[name]);
    if (written !== undefined) json[name] = written;
  }
  return json;
}

function readField(
  name: string,
  field: Codec<unknown> | Oneof<unknown>,
  input: Record<string, unknown>,
  path: string,
): unknown {
  if ('oneof' in field) return field.read(input, path);
  const given = input[name];
  if (given === undefined || given === null) return field.blank();
  return field.read(given, join(path, name));
}

function camelKeys(input: Record<string, unknown>, path: string): Record<string, unknown> {
  const output: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(input)) {
    const name = key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    if (Object.hasOwn(output, name)) throw new JsonError(join(path, key), 'is given twice');
    output[name] = value;
  }
  return output;
}

function refuseUnknown(
  input: Record<string, unknown>,
  known: readonly string[],
  path: string,
): void {
  const unknown = Object.keys(input).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new JsonError(join(path, unknown), `is not a field. Known: ${known.join(', ')}`);
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
