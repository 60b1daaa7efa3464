/**
 * Whose counters a reader asks for. A limit with a `group_by` has one for each combination of values, so that
 * a key which groups nothing would be answered with counters that nobody asked for: it is refused.
 */
import { type FieldViolation, invalidArgument } from '../../common/domain-error.js';
import { clip, LABELS_MAX, textViolations } from './calls.js';
import type { GroupValues } from './group-values.js';

interface MaybeGrouped {
  readonly groupBy: { readonly keys: readonly string[] } | undefined;
}

/** @throws DomainError `INVALID_ARGUMENT` naming every key by which none of the limits is grouped. */
export function requireGroup(group: GroupValues, limits: readonly MaybeGrouped[]): void {
  const asked = Object.keys(group);
  if (asked.length > LABELS_MAX) {
    const description = `has ${asked.length} entries; at most ${LABELS_MAX} are allowed`;
    throw invalidArgument([{ field: 'group', description }]);
  }
  const keys = new Set(limits.flatMap(({ groupBy }) => groupBy?.keys ?? []));
  const violations = asked.flatMap((key) => violationsOf(key, group[key] ?? '', keys));
  if (violations.length > 0) throw invalidArgument(violations);
}

function violationsOf(
  key: string,
  value: string,
  keys: ReadonlySet<string>,
): readonly FieldViolation[] {
  const field = `group["${clip(key)}"]`;
  if (keys.has(key)) return textViolations(field, value);
  const known = keys.size === 0 ? 'none is' : `they are by ${[...keys].sort().join(', ')}`;
  return [{ field, description: `no limit of this owner is grouped by that; ${known}` }];
}
