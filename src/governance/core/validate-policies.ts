import type { Recurrence } from '../../common/recurrence.js';
import type { BudgetDraft, FieldsByKind, LimitDraft, OwnerDraft } from './drafts.js';
import type { LimitAlgorithm, LimitScope, LimitUnit, Owner } from './model.js';
import { checkAlgorithm } from './validate-algorithm.js';
import { checkBudgetRules } from './validate-budget-rules.js';
import { checkFallback } from './validate-fallback.js';
import { checkGroupBy } from './validate-group-by.js';
import { checkMatch } from './validate-match.js';
import { checkRange, INT64_MAX, MAXIMUM_MAX } from './validate-range.js';
import { checkPeriod, type IsTimeZone } from './validate-recurrence.js';
import { checkId, checkName } from './validate-text.js';
import { type Checked, Violations } from './violations.js';

export function validateLimit(
  draft: LimitDraft,
  path: string,
  isTimeZone: IsTimeZone,
): Checked<FieldsByKind['limit']> {
  const found = new Violations();
  const algorithm = checkAlgorithm(draft, { path, isTimeZone }, found);
  const { maximum, onUnavailable } = draft;
  checkRange(maximum, { field: `${path}.maximum`, most: MAXIMUM_MAX }, found);
  return found.conclude({
    name: checkName(draft.name, `${path}.name`, found),
    owner: checkOwner(draft.owner, `${path}.owner`, found),
    unit: checkUnit(draft.unit, algorithm, `${path}.unit`, found),
    maximum: Number(maximum),
    algorithm,
    match: checkMatch(draft.match, `${path}.match`, found),
    shadow: draft.shadow,
    groupBy: checkGroupBy(draft, path, found),
    onUnavailable: checkFallback(onUnavailable, `${path}.on_unavailable`, found),
    scope: checkScope(draft.scope, `${path}.scope`, found),
  });
}

/** Replicas of all regions count together, unless somebody says otherwise. */
function checkScope(scope: LimitDraft['scope'], field: string, found: Violations): LimitScope {
  if (scope === 'unknown') found.add(field, 'must be SCOPE_GLOBAL or SCOPE_REGION');
  return scope === 'region' ? 'region' : 'global';
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

function checkUnit(
  unit: LimitDraft['unit'],
  { kind }: LimitAlgorithm,
  field: string,
  found: Violations,
): LimitUnit {
  if (unit === 'unknown') found.add(field, 'must be UNIT_REQUESTS, UNIT_TOKENS or UNIT_NANO_USD');
  else if (kind === 'concurrency' && unit !== 'default' && unit !== 'requests')
    found.add(field, 'must be UNIT_REQUESTS, since a concurrency limit counts calls under way');
  return unit === 'tokens' || unit === 'nano_usd' ? unit : 'requests';
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
