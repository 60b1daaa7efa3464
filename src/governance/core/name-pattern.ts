/**
 * Names of providers and models in lists: a name, `*` for any, or a prefix and `*`. Comparison is exact,
 * since providers tell `Foo` and `foo` apart.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (!pattern.endsWith('*')) return pattern === name;
  return name.startsWith(pattern.slice(0, -1));
}

/** Whether a name is in a list. Undefined: the list says nothing, so every name is. */
export type NameMatcher = ((name: string) => boolean) | undefined;

/** Prepares a list once, so that a check does one look-up and no splitting. An empty list matches all. */
export function prepareNames(patterns: readonly string[]): NameMatcher {
  if (patterns.length === 0 || patterns.includes('*')) return undefined;
  const prefixes = patterns.filter((p) => p.endsWith('*')).map((p) => p.slice(0, -1));
  const exact = new Set(patterns.filter((p) => !p.endsWith('*')));
  if (prefixes.length === 0) return (name) => exact.has(name);
  return (name) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix));
}
