import type { ExpiryPolicy } from '../budgets/core/ledger-item.js';
import type { Budget } from '../governance/core/model.js';

interface Rules {
  readonly onExpiry: ExpiryPolicy;
  readonly onUnavailable: 'deny' | 'allow';
  readonly onUnpriced: 'deny' | 'allow';
  readonly thresholdPercents: readonly number[];
}

export const rulesOf = (budget: Budget & Partial<Rules>): Rules => ({
  onExpiry: budget.onExpiry ?? 'release',
  onUnavailable: budget.onUnavailable ?? 'deny',
  onUnpriced: budget.onUnpriced ?? 'deny',
  thresholdPercents: budget.thresholdPercents ?? [50, 80, 100],
});

/** The one policy of a reservation over several budgets: the one that forgives least. */
export function expiryPolicyOf(budgets: readonly Budget[]): ExpiryPolicy {
  const policies = new Set(budgets.map((budget) => rulesOf(budget).onExpiry));
  if (policies.has('charge_estimate')) return 'charge_estimate';
  return policies.has('charge_floor') ? 'charge_floor' : 'release';
}

/** One budget that must fail closed is enough to deny. */
export const allowsUnavailable = (budgets: readonly Budget[]): boolean =>
  budgets.every((budget) => budget.shadow || rulesOf(budget).onUnavailable === 'allow');

export const allowsUnpriced = (budgets: readonly Budget[]): boolean =>
  budgets.every((budget) => budget.shadow || rulesOf(budget).onUnpriced === 'allow');
