/**
 * Messages as proto3 JSON, in both directions. The generated code speaks binary only, so the shape
 * of each message is said once more in `messages.ts`, where the compiler holds it to the generated
 * type: a field that is missing or has another type does not compile.
 *
 * Names are lowerCamelCase, 64-bit integers are strings, enums are their names. Written: every field,
 * also if it has its default, so that programs need no knowledge of defaults; absent messages and
 * optional fields are left out. Read: `snake_case` as well, and a field that is not known is refused.
 */
export interface Codec<T> {
  write(value: T): Json | undefined;
  /** Throws {@link JsonError}. `path` names the place, for messages. */
  read(json: unknown, path: string): T;
  /** What a field holds that is not given. */
  readonly blank: () => T;
}

export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** Input that does not fit, with the path to the place. */
export class JsonError extends Error {
  override readonly name = 'JsonError';

  constructor(path: string, problem: string) {
    super(`${path === '' ? 'the document' : path}: ${problem}`);
  }
}

export const text: Codec<string> = {
  write: (value) => value,
  read: (json, path) => {
    if (typeof json === 'string') return json;
    throw new JsonError(path, `must be a string, found ${describe(json)}`);
  },
  blank: () => '',
};

export const flag: Codec<boolean> = {
  write: (value) => value,
  read: (json, path) => {
    if (typeof json === 'boolean') return json;
    throw new JsonError(path, `must be true or false, found ${describe(json)}`);
  },
  blank: () => false,
};

export const int64: Codec<bigint> = {
  write: (value) => value.toString(),
  read: (json, path) => readInteger(json, path, 64),
  blank: () => 0n,
};

export const int32: Codec<number> = {
  write: (value) => value,
  read: (json, path) => Number(readInteger(json, path, 32)),
  blank: () => 0,
};

export const uint32: Codec<number> = {
  write: (value) => value,
  read: (json, path) => {
    const value = readInteger(json, path, 64);
    if (BigInt.asUintN(32, value) === value) return Number(value);
    throw new JsonError(path, 'must be from 0 to 4294967295');
  },
  blank: () => 0,
};

export function enumeration<E extends number>(
  values: Readonly<Record<string, string | number>>,
): Codec<E> {
  const names = Object.keys(values).filter((key) => !/^-?\d+$/.test(key) && key !== 'UNRECOGNIZED');
  return {
    write: (value) => values[value] ?? value,
    read: (json, path) => {
      const value = typeof json === 'string' && names.includes(json) ? values[json] : undefined;
      // The generated enum object maps each of its names to a value of the enum.
      if (typeof value === 'number') return value as E;
      throw new JsonError(path, `must be one of ${names.join(', ')}`);
    },
    blank: () => 0 as E,
  };
}

/** Absent if not given. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    write: (value) => (value === undefined ? undefined : codec.write(value)),
    read: (json, path) => (json === null ? undefined : codec.read(json, path)),
    blank: () => undefined,
  };
}

export function listOf<T>(codec: Codec<T>): Codec<T[]> {
  return {
    write: (values) => values.map((value) => codec.write(value) ?? null),
    read: (json, path) => {
      if (!Array.isArray(json))
        throw new JsonError(path, `must be a list, found ${describe(json)}`);
      return json.map((item, i) => codec.read(item, `${path}[${i}]`));
    },
    blank: () => [],
  };
}

export const stringMap: Codec<{ [name: string]: string }> = {
  write: (value) => ({ ...value }),
  read: (json, path) => {
    const entries = Object.entries(readObject(json, path));
    return Object.fromEntries(entries.map(([k, v]) => [k, text.read(v, `${path}.${k}`)]));
  },
  blank: () => ({}),
};

export function readObject(json: unknown, path: string): Record<string, unknown> {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return Object.fromEntries(Object.entries(json));
  }
  throw new JsonError(path, `must be an object, found ${describe(json)}`);
}

function readInteger(json: unknown, path: string, bits: number): bigint {
  if (typeof json === 'number' && !Number.isSafeInteger(json)) {
    throw new JsonError(path, 'write a number this large, or with decimals, as a string of digits');
  }
  const digits = digitsOf(json);
  if (!/^-?\d{1,20}$/.test(digits)) {
    throw new JsonError(path, `must be a whole number, found ${describe(json)}`);
  }
  const value = BigInt(digits);
  if (BigInt.asIntN(bits, value) === value) return value;
  throw new JsonError(path, `does not fit into ${bits} bits`);
}

function digitsOf(json: unknown): string {
  if (typeof json === 'string') return json;
  return typeof json === 'number' || typeof json === 'bigint' ? json.toString() : '';
}

function describe(json: unknown): string {
  if (json === null) return 'null';
  if (Array.isArray(json)) return 'a list';
  if (typeof json === 'object') return 'an object';
  return JSON.stringify(typeof json === 'bigint' ? json.toString() : json) ?? 'nothing';
}
