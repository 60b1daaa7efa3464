import type { MatchDraft } from './drafts.js';
import type { Match } from './model.js';
import { checkLabelName, checkLabelValue, checkPattern } from './validate-text.js';
import { quote, type Violations } from './violations.js';

const MATCH_NAMES_MAX = 64;
const MATCH_LABELS_MAX = 64;
const ALLOW_NAMES_MAX = 256;

/** What a policy applies to. Each list is bounded, because every check walks it. */
export function checkMatch(draft: MatchDraft, field: string, found: Violations): Match {
  return {
    providers: checkNames(
      draft.providers,
      { field: `${field}.providers`, most: MATCH_NAMES_MAX },
      found,
    ),
    models: checkNames(draft.models, { field: `${field}.models`, most: MATCH_NAMES_MAX }, found),
    labels: checkLabels(draft.labels, `${field}.labels`, found),
  };
}

/** Undefined stays undefined (everything is allowed); an empty list stays empty (nothing is). */
export function checkAllowList(
  names: readonly string[] | undefined,
  field: string,
  found: Violations,
): readonly string[] | undefined {
  if (names === undefined) return undefined;
  return checkNames(names, { field: `${field}.names`, most: ALLOW_NAMES_MAX }, found);
}

function checkNames(
  names: readonly string[],
  rule: { readonly field: string; readonly most: number },
  found: Violations,
): readonly string[] {
  if (names.length > rule.most) {
    found.add(rule.field, `must have at most ${rule.most} names, but has ${names.length}`);
    return names;
  }
  names.forEach((name, i) => checkPattern(name, `${rule.field}[${i}]`, found));
  return [...new Set(names)];
}

function checkLabels(
  labels: Readonly<Record<string, string>>,
  field: string,
  found: Violations,
): Readonly<Record<string, string>> {
  const entries = Object.entries(labels);
  if (entries.length > MATCH_LABELS_MAX) {
    found.add(field, `must have at most ${MATCH_LABELS_MAX} labels, but has ${entries.length}`);
    return labels;
  }
  for (const [name, value] of entries) {
    checkLabelName(name, `${field}[${quote(name)}]`, found);
    checkLabelValue(value, `${field}[${quote(name)}]`, found);
  }
  return Object.fromEntries(entries);
}
