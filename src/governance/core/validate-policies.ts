import type { Recurrence } from '../../common/recurrence.js';
import type { BudgetDraft, FieldsByKind, LimitDraft, OwnerDraft } from './drafts.js';
import type { LimitAlgorithm, Owner } from './model.js';
import { checkBudgetRules } from './validate-budget-rules.js';
import { checkMatch } from './validate-match.js';
import { checkPeriod, checkWindow, type IsTimeZone } from './validate-recurrence.js';
import { checkRange, INT64_MAX } from './validate-range.js';
import { checkId, checkName } from './validate-text.js';
import { type Checked, Violations } from './violations.js';

const MAXIMUM_MAX = BigInt(Number.MAX_SAFE_INTEGER);

export function validateLimit(
  draft: LimitDraft,
  path: string,
  isTimeZone: IsTimeZone,
): Checked<FieldsByKind['limit']> {
  const found = new Violations();
  const window = checkWindow(draft.window, { path, isTimeZone }, found);
  if (draft.unit === 'unknown') found.add(`${path}.unit`, 'must be UNIT_REQUESTS');
  return found.conclude({
    name: checkName(draft.name, `${path}.name`, found),
    owner: checkOwner(draft.owner, `${path}.owner`, found),
    unit: 'requests',
    maximum: Number(
      checkRange(draft.maximum, { field: `${path}.maximum`, most: MAXIMUM_MAX }, found),
    ),
    algorithm: checkAlgorithm(draft, `${path}.algorithm`, found),
    window,
    match: checkMatch(draft.match, `${path}.match`, found),
    shadow: draft.shadow,
  });
}

export function validateBudget(
  draft: BudgetDraft,
  path: string,
  isTimeZone: IsTimeZone,
): Checked<FieldsByKind['budget']> {
  const found = new Violations();
  const period: Recurrence = checkPeriod(draft.period, { path, isTimeZone }, found);
  return found.conclude({
    name: checkName(draft.name, `${path}.name`, found),
    owner: checkOwner(draft.owner, `${path}.owner`, found),
    amountNanos: checkRange(
      draft.amountNanos,
      { field: `${path}.amount_nanos`, most: INT64_MAX },
      found,
    ),
    period,
    match: checkMatch(draft.match, `${path}.match`, found),
    shadow: draft.shadow,
    ...checkBudgetRules(draft, path, found),
  });
}

/** The default follows the window: only fixed windows can follow a calendar. */
function checkAlgorithm(draft: LimitDraft, field: string, found: Violations): LimitAlgorithm {
  const isCalendar = draft.window?.kind === 'calendar';
  switch (draft.algorithm) {
    case 'default':
      return isCalendar ? 'fixed_window' : 'sliding_window';
    case 'unknown':
      found.add(field, 'must be ALGORITHM_SLIDING_WINDOW or ALGORITHM_FIXED_WINDOW');
      return 'fixed_window';
    case 'sliding_window':
      if (isCalendar) {
        found.add(
          field,
          'a sliding window needs a duration; give one, or use ALGORITHM_FIXED_WINDOW with the calendar',
        );
      }
      return 'sliding_window';
    case 'fixed_window':
      return 'fixed_window';
  }
}

function checkOwner(draft: OwnerDraft | undefined, field: string, found: Violations): Owner {
  const kind = draft?.kind;
  if (draft === undefined || kind === undefined) {
    found.add(
      `${field}.kind`,
      'must say whose policy this is: root, customer, team or virtual key',
    );
    return { kind: 'root', id: '' };
  }
  if (kind !== 'root') checkId(draft.id, `${field}.id`, found);
  else if (draft.id !== '') found.add(`${field}.id`, 'must be empty, because the root has no id');
  return { kind, id: draft.id };
}
