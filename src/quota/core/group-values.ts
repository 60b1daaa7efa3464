/**
 * The groups of a limit: which counter a call is counted in. A counter of a group is called
 * `limit/generation/value`, several values are parted by NUL, which no value can have in it. The overflow
 * counter of a limit has a NUL after its generation, so that it cannot be taken for a group. Where each
 * region counts apart, `@region` follows the generation.
 */
export const NO_VALUE = '(none)';

const PARTED = '\0';

/** Values by key, in the order of the keys. */
export type GroupValues = Readonly<Record<string, string>>;

export function groupValues<Key extends string>(
  keys: readonly Key[],
  valueOf: (key: Key) => string,
): GroupValues {
  const values: Record<string, string> = {};
  for (const key of keys) values[key] = valueOf(key) || NO_VALUE;
  return values;
}

interface Counting {
  readonly id: string;
  readonly generation: number;
  readonly scope: 'global' | 'region';
}

/** A limit of scope region has another counter in each region. */
export const limitCounterName = (limit: Counting, region: string): string =>
  limit.scope === 'region' ? `${versionName(limit)}@${regionPart(region)}` : versionName(limit);

const versionName = ({ id, generation }: Counting): string => `${id}/${generation}`;

/** As it stands in the name of a counter: without a slash. */
const regionPart = (region: string): string => encodeURIComponent(region);

export const groupCounterName = (limitName: string, values: GroupValues): string =>
  `${limitName}/${Object.values(values).join(PARTED)}`;

/** The id of the limit that a counter belongs to. Ids have no slash. */
export const limitIdOf = (counterName: string): string =>
  counterName.slice(0, Math.max(0, counterName.indexOf('/')));

/** Whether a counter has that name, or is one of its groups, or its overflow. */
export function isCounterOf(counterName: string, limitName: string): boolean {
  if (!counterName.startsWith(limitName)) return false;
  const next = counterName.charAt(limitName.length);
  return next === '' || next === '/' || next === PARTED;
}

/** Whether a counter belongs to a limit in its generation, in whatever region. */
export function isOfVersion(counterName: string, limit: Counting): boolean {
  const name = versionName(limit);
  if (limit.scope === 'global') return isCounterOf(counterName, name);
  return counterName.startsWith(`${name}@`);
}
