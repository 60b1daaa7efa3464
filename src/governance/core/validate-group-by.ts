import type { LimitDraft } from './drafts.js';
import type { GroupBy, GroupKey } from './model.js';
import { checkLabelName } from './validate-text.js';
import { quote, type Violations } from './violations.js';

/** In the order in which they are kept, so that the same keys in another order are the same groups. */
const KEYS: readonly GroupKey[] = ['virtual_key', 'team', 'customer', 'provider', 'model'];
const LABEL = 'label:';

const KEYS_MAX = 8;
const GROUPS_MAX_DEFAULT = 10_000;
const GROUPS_MAX_MAX = 10_000_000;

/** What a limit keeps its counters apart by, if it does. */
export function checkGroupBy(
  { groupBy, groupsMax }: LimitDraft,
  path: string,
  found: Violations,
): GroupBy | undefined {
  const keys = checkKeys(groupBy, `${path}.group_by`, found);
  const most = checkGroupsMax(groupsMax, `${path}.groups_max`, found);
  if (groupBy.length > 0) return { keys, groupsMax: most };
  if (groupsMax !== undefined)
    found.add(`${path}.groups_max`, 'is for limits with a group_by only; leave it out');
  return undefined;
}

function checkKeys(
  given: readonly string[],
  field: string,
  found: Violations,
): readonly GroupKey[] {
  if (given.length > KEYS_MAX) {
    found.add(field, `must have at most ${KEYS_MAX} keys, but has ${given.length}`);
    return [];
  }
  const keys: GroupKey[] = [];
  given.forEach((text, i) => {
    const key = checkKey(text, `${field}[${i}]`, found);
    if (key === undefined) return;
    if (keys.includes(key)) found.add(`${field}[${i}]`, `${quote(key)} is there already`);
    keys.push(key);
  });
  return keys.sort(inOrder);
}

function checkKey(text: string, field: string, found: Violations): GroupKey | undefined {
  const known = KEYS.find((key) => key === text);
  if (known !== undefined) return known;
  if (isLabel(text)) {
    checkLabelName(text.slice(LABEL.length), field, found);
    return text;
  }
  found.add(field, `must be ${KEYS.join(', ')} or label:NAME, but is ${quote(text)}`);
  return undefined;
}

const isLabel = (text: string): text is GroupKey => text.startsWith(LABEL);

function inOrder(a: GroupKey, b: GroupKey): number {
  if (isLabel(a) && isLabel(b)) return a < b ? -1 : 1;
  return placeOf(a) - placeOf(b);
}

const placeOf = (key: GroupKey): number => (isLabel(key) ? KEYS.length : KEYS.indexOf(key));

function checkGroupsMax(value: number | undefined, field: string, found: Violations): number {
  if (value === undefined) return GROUPS_MAX_DEFAULT;
  if (!Number.isInteger(value) || value < 1 || value > GROUPS_MAX_MAX)
    found.add(field, `must be from 1 to ${GROUPS_MAX_MAX}, but is ${value}`);
  return value;
}
