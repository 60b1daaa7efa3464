/**
 * JSON that others wrote, read without trust: what is missing or of another type is `undefined` or
 * empty, never an exception in the middle of an answer.
 */

/** The value at the path, if every step of it is an object that has the key. */
export function jsonAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (!isRecord(at) || !Object.hasOwn(at, key)) return undefined;
    at = at[key];
  }
  return at;
}

export function textAt(value: unknown, ...path: readonly string[]): string | undefined {
  const found = jsonAt(value, ...path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = jsonAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** A port that can be connected to; 0 means "none" to those who write it. */
export function portAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = jsonAt(value, ...path);
  return typeof found === 'number' && Number.isInteger(found) && found >= 1 && found <= 65_535
    ? found
    : undefined;
}

/** A parsed text, or `undefined` where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
