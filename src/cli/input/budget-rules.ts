import { type Command, InvalidArgumentError } from 'commander';
import {
  type Budget,
  type CarryOver,
  ExpiryPolicy,
  type Fallback,
} from '../../gen/weir/v1/governance_service.js';
import { parseFallback } from './fallback.js';
import { parseUsd } from './usd.js';

/** What a budget does beyond holding an amount for a period, as options. */
export interface BudgetRuleOptions {
  readonly onExpiry?: ExpiryPolicy;
  readonly onUnavailable?: Fallback;
  readonly onUnpriced?: Fallback;
  readonly thresholds?: readonly number[];
  readonly carryMax?: bigint;
  readonly carryMin?: bigint;
  readonly carryOverage?: boolean;
  /** False: nothing is carried over any more. */
  readonly carryOver?: boolean;
}

const EXPIRY: ReadonlyMap<string, ExpiryPolicy> = new Map([
  ['release', ExpiryPolicy.EXPIRY_POLICY_RELEASE],
  ['charge-floor', ExpiryPolicy.EXPIRY_POLICY_CHARGE_FLOOR],
  ['charge-estimate', ExpiryPolicy.EXPIRY_POLICY_CHARGE_ESTIMATE],
]);

export function addBudgetRuleOptions(command: Command, purpose: 'create' | 'update'): Command {
  command
    .option(
      '--on-expiry <policy>',
      'what an unsettled reservation owes: release (nothing), charge-floor or charge-estimate',
      oneOf(EXPIRY),
    )
    .option('--on-unavailable <what>', 'while the ledger is away: deny or allow', parseFallback)
    .option('--on-unpriced <what>', 'for a model without a price: deny or allow', parseFallback)
    .option('--thresholds <percents>', 'whose crossing is told: 50,80,100', parsePercents)
    .option('--carry-max <usd>', 'hand on at most so much of what is left of a period', parseUsd)
    .option('--carry-min <usd>', 'hand on at least so much', parseUsd)
    .option('--carry-overage', 'hand on what was overspent, too');
  if (purpose === 'create') return command;
  return command
    .option('--no-carry-overage', 'forgive what was overspent')
    .option('--no-carry-over', 'hand on nothing any more');
}

/** Writes the rules into the draft, and answers the paths of what was given. */
export function applyBudgetRules(options: BudgetRuleOptions, draft: Budget): readonly string[] {
  const { onExpiry, onUnavailable, onUnpriced, thresholds } = options;
  draft.onExpiry = onExpiry ?? draft.onExpiry;
  draft.onUnavailable = onUnavailable ?? draft.onUnavailable;
  draft.onUnpriced = onUnpriced ?? draft.onUnpriced;
  draft.thresholdPercents = [...(thresholds ?? draft.thresholdPercents)];
  return [
    ...(onExpiry === undefined ? [] : ['on_expiry']),
    ...(onUnavailable === undefined ? [] : ['on_unavailable']),
    ...(onUnpriced === undefined ? [] : ['on_unpriced']),
    ...(thresholds === undefined ? [] : ['threshold_percents']),
    ...applyCarryOver(options, draft),
  ];
}

function applyCarryOver(options: BudgetRuleOptions, draft: Budget): readonly string[] {
  if (options.carryOver === false) {
    draft.carryOver = undefined;
    return ['carry_over'];
  }
  const { carryMax, carryMin, carryOverage } = options;
  if (carryMax === undefined && carryMin === undefined && carryOverage === undefined) return [];
  const before: CarryOver = draft.carryOver ?? { maxNanos: 0n, minNanos: 0n, overage: false };
  draft.carryOver = {
    maxNanos: carryMax ?? before.maxNanos,
    minNanos: carryMin ?? before.minNanos,
    overage: carryOverage ?? before.overage,
  };
  return [
    ...(carryMax === undefined ? [] : ['carry_over.max_nanos']),
    ...(carryMin === undefined ? [] : ['carry_over.min_nanos']),
    ...(carryOverage === undefined ? [] : ['carry_over.overage']),
  ];
}

function oneOf<T>(values: ReadonlyMap<string, T>): (text: string) => T {
  return (text) => {
    const value = values.get(text.toLowerCase().replace('_', '-'));
    if (value !== undefined) return value;
    throw new InvalidArgumentError(`Write one of ${[...values.keys()].join(', ')}.`);
  };
}

function parsePercents(text: string): readonly number[] {
  const parts = text.split(',').map((part) => part.trim().replace(/%$/, ''));
  if (parts.every((part) => /^\d{1,9}$/.test(part))) return parts.map(Number);
  throw new InvalidArgumentError('Give percents of the budget, separated by commas: 50,80,100.');
}
