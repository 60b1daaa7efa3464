import type { ExpiryPolicy } from '../budgets/core/ledger-item.js';
import type { Budget } from '../governance/core/model.js';

/** The one policy of a reservation over several budgets: the one that forgives least. */
export function expiryPolicyOf(budgets: readonly Budget[]): ExpiryPolicy {
  const policies = new Set(budgets.map(({ onExpiry }) => onExpiry));
  if (policies.has('charge_estimate')) return 'charge_estimate';
  return policies.has('charge_floor') ? 'charge_floor' : 'release';
}

/** One budget that must fail closed is enough to deny. */
export const allowsUnavailable = (budgets: readonly Budget[]): boolean =>
  budgets.every(({ shadow, onUnavailable }) => shadow || onUnavailable === 'allow');

export const allowsUnpriced = (budgets: readonly Budget[]): boolean =>
  budgets.every(({ shadow, onUnpriced }) => shadow || onUnpriced === 'allow');
