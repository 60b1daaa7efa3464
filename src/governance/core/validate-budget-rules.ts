import type { BudgetDraft } from './drafts.js';
import type { Budget, CarryOver, ExpiryPolicy } from './model.js';
import { checkFallback } from './validate-fallback.js';
import { checkRange, INT64_MAX } from './validate-range.js';
import type { Violations } from './violations.js';

const THRESHOLDS_DEFAULT = [50, 80, 100];
const THRESHOLDS_MAX = 10;
const PERCENT_MAX = 1_000;

type BudgetRules = Pick<
  Budget,
  'onExpiry' | 'onUnavailable' | 'onUnpriced' | 'thresholdPercents' | 'carryOver'
>;

/** What a budget does beyond holding an amount for a period. */
export function checkBudgetRules(draft: BudgetDraft, path: string, found: Violations): BudgetRules {
  return {
    onExpiry: checkExpiry(draft.onExpiry, `${path}.on_expiry`, found),
    onUnavailable: checkFallback(draft.onUnavailable, `${path}.on_unavailable`, found),
    onUnpriced: checkFallback(draft.onUnpriced, `${path}.on_unpriced`, found),
    thresholdPercents: checkThresholds(
      draft.thresholdPercents,
      `${path}.threshold_percents`,
      found,
    ),
    carryOver: checkCarryOver(draft, `${path}.carry_over`, found),
  };
}

function checkExpiry(
  policy: BudgetDraft['onExpiry'],
  field: string,
  found: Violations,
): ExpiryPolicy {
  if (policy !== 'default' && policy !== 'unknown') return policy;
  if (policy === 'unknown') {
    const names = ['RELEASE', 'CHARGE_FLOOR', 'CHARGE_ESTIMATE'].map((n) => `EXPIRY_POLICY_${n}`);
    found.add(field, `must be one of ${names.join(', ')}`);
  }
  return 'release';
}

function checkThresholds(
  percents: readonly number[],
  field: string,
  found: Violations,
): readonly number[] {
  if (percents.length === 0) return THRESHOLDS_DEFAULT;
  if (percents.length > THRESHOLDS_MAX) {
    found.add(field, `must be at most ${THRESHOLDS_MAX}, but are ${percents.length}`);
    return percents;
  }
  percents.forEach((percent, i) => {
    if (!Number.isInteger(percent) || percent < 1 || percent > PERCENT_MAX) {
      found.add(`${field}[${i}]`, `must be from 1 to ${PERCENT_MAX}, but is ${percent}`);
    }
    const before = percents[i - 1];
    if (before !== undefined && percent <= before) {
      found.add(`${field}[${i}]`, `must be more than the one before it, ${before}`);
    }
  });
  return [...percents];
}

function checkCarryOver(
  { carryOver, period }: BudgetDraft,
  field: string,
  found: Violations,
): CarryOver | undefined {
  if (carryOver === undefined) return undefined;
  if (period?.kind === 'lifetime') {
    found.add(field, 'must be left out, because a lifetime has no next period');
  }
  const { maxNanos, minNanos, overage } = carryOver;
  checkRange(maxNanos, { field: `${field}.max_nanos`, most: INT64_MAX }, found);
  checkRange(minNanos, { field: `${field}.min_nanos`, most: INT64_MAX }, found);
  if (minNanos > maxNanos && maxNanos >= 0n) {
    found.add(`${field}.min_nanos`, `must be at most max_nanos, ${maxNanos}, but is ${minNanos}`);
  }
  return { maxNanos, minNanos, overage };
}
