import { Injectable } from '@nestjs/common';
import { IntervalCache } from '../common/interval-at.js';
import type { WallMs } from '../common/time.js';
import type { BudgetLevel, PeriodLimit } from '../budgets/core/ledger-item.js';
import type { PeriodKey } from '../budgets/core/ledger-model.js';
import type { CounterSpec, Demand, Reading } from '../counters/core/counter.js';
import type { Budget, Limit } from '../governance/core/model.js';
import { type BudgetQuestion, budgetVerdict } from './core/budget-verdict.js';
import type { PolicyVerdict } from './core/decision.js';
import { limitVerdict } from './core/limit-verdict.js';
import { ProvisionalTakes } from './core/provisional-takes.js';

/** Where policies become counters and periods, and what those say becomes verdicts. */
@Injectable()
export class MatchedPolicies {
  readonly provisional = new ProvisionalTakes();
  private readonly counters = new WeakMap<Limit, CounterSpec>();
  private readonly intervals = new IntervalCache();

  demands(limits: readonly Limit[], requests: number): readonly Demand[] {
    return limits.map((limit) => ({
      counter: this.counterOf(limit),
      amount: requests,
      enforced: !limit.shadow,
    }));
  }

  periodKeys(budgets: readonly Budget[], now: WallMs): readonly PeriodKey[] {
    return budgets.map((budget) => this.periodKey(budget, now));
  }

  /** The same periods, with what the ledger must know to decide over them. */
  periodLimits(budgets: readonly Budget[], now: WallMs): readonly PeriodLimit[] {
    return budgets.map((budget) => ({
      key: this.periodKey(budget, now),
      limitNanos: budget.amountNanos,
      isEnforced: !budget.shadow,
      thresholdPercents: budget.thresholdPercents,
    }));
  }

  limitVerdicts(
    limits: readonly Limit[],
    requests: number,
    readings: readonly Reading[],
  ): PolicyVerdict[] {
    return limits.flatMap((limit, i) => {
      const reading = readings[i];
      if (reading === undefined) return [];
      const provisional = this.provisional.of(this.counterOf(limit).name);
      const question = { maximum: limit.maximum, amount: requests, provisional };
      return [limitVerdict(factsOf(limit), question, reading)];
    });
  }

  budgetVerdicts(
    budgets: readonly Budget[],
    levels: readonly BudgetLevel[],
    question: BudgetQuestion,
    now: WallMs,
  ): PolicyVerdict[] {
    return budgets.flatMap((budget, i) => {
      const level = levels[i];
      if (level === undefined) return [];
      const { postedNanos, heldNanos, extraNanos, key } = level;
      const limitNanos = budget.amountNanos + extraNanos;
      const endless = budget.period.kind === 'lifetime';
      const state = { limitNanos, postedNanos, heldNanos, period: key.period, endless };
      return [budgetVerdict(factsOf(budget), state, question, now)];
    });
  }

  private periodKey(budget: Budget, now: WallMs): PeriodKey {
    const period = this.intervals.intervalAt(budget.period, now);
    return { budgetId: budget.id, generation: budget.generation, period };
  }

  /** One spec object for each version of a limit, so that the engine can remember things about it. */
  counterOf(limit: Limit): CounterSpec {
    const known = this.counters.get(limit);
    if (known !== undefined) return known;
    const { id, generation, algorithm, window, maximum } = limit;
    const counter = { name: `${id}/${generation}`, algorithm, window, maximum };
    this.counters.set(limit, counter);
    return counter;
  }
}

const factsOf = ({
  id,
  name,
  owner,
  shadow,
}: Limit | Budget): Pick<PolicyVerdict, 'policyId' | 'policyName' | 'owner' | 'shadow'> => ({
  policyId: id,
  policyName: name,
  owner,
  shadow,
});

const RANK = { root: 0, customer: 1, team: 2, virtual_key: 3 } as const;

/** The order of an answer: the root's policies first, the key's last. */
export function inOwnerOrder(
  limits: readonly PolicyVerdict[],
  budgets: readonly PolicyVerdict[],
): readonly PolicyVerdict[] {
  if (budgets.length === 0) return limits;
  return [...limits, ...budgets].sort((a, b) => RANK[a.owner.kind] - RANK[b.owner.kind]);
}
