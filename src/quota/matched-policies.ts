import { Injectable } from '@nestjs/common';
import { ReplicaIdentity } from '../cluster/replica-identity.js';
import { assert } from '../common/assert.js';
import { IntervalCache } from '../common/interval-at.js';
import type { WallMs } from '../common/time.js';
import type { BudgetLevel, PeriodLimit } from '../budgets/core/ledger-item.js';
import type { PeriodKey } from '../budgets/core/ledger-model.js';
import type { Demand, Reading } from '../counters/core/counter.js';
import type { Chain } from '../governance/core/directory.js';
import type { Budget, Limit } from '../governance/core/model.js';
import type { Call } from '../governance/core/policy-group.js';
import type { CountedCall } from './counted-call.js';
import { type BudgetQuestion, budgetVerdict } from './core/budget-verdict.js';
import type {
  BudgetVerdict,
  LimitVerdict,
  PolicyFacts,
  PolicyVerdict,
  Refusal,
} from './core/decision.js';
import { limitRefusal, limitVerdict } from './core/limit-verdict.js';
import { ProvisionalTakes } from './core/provisional-takes.js';
import { type LimitDemand, OwnerPlan, PlannedLimit } from './owner-plan.js';
import { type Matched, PlansAbove } from './plans-above.js';

/** Where policies become counters and periods, and what those say becomes verdicts. */
@Injectable()
export class MatchedPolicies {
  readonly provisional = new ProvisionalTakes();
  private readonly intervals = new IntervalCache();
  private readonly region: string;

  constructor({ facts }: ReplicaIdentity) {
    this.region = facts.region;
  }

  /** Looks only at policies of the call's own owners, each of which is prepared. */
  match(chain: Chain, call: Call): Matched {
    const above = PlansAbove.of(chain.above, this.region).match(call);
    const plan = chain.plan ?? planOwn(chain, this.region);
    if (plan === NOTHING) return above;
    if (plan instanceof PlannedLimit)
      return { limits: [...above.limits, plan], budgets: above.budgets };
    assert(plan instanceof OwnerPlan, 'nobody else keeps plans with a key');
    const limits = [...above.limits];
    const budgets = [...above.budgets];
    plan.addTo(limits, budgets, call);
    return { limits, budgets };
  }

  /** All policies of one owner, whatever they apply to. */
  planned(limits: readonly Limit[]): readonly PlannedLimit[] {
    return limits.map((policy) => new PlannedLimit({ policy, applies: undefined }, this.region));
  }

  demands(limits: readonly PlannedLimit[], call: CountedCall): readonly LimitDemand[] {
    return limits.map((limit) => limit.demandOf(call));
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

  /** One verdict for each limit, in order; `demands` are those that the readings answer. */
  limitVerdicts(
    limits: readonly PlannedLimit[],
    demands: readonly LimitDemand[],
    readings: readonly Reading[],
  ): LimitVerdict[] {
    const verdicts: LimitVerdict[] = [];
    let i = 0;
    for (const limit of limits) {
      const demand = demands[i];
      const reading = readings[i++];
      assert(demand !== undefined && reading !== undefined, 'each limit was read');
      const refusal = reading.admits ? undefined : this.refusal(limit, demand, reading);
      verdicts.push(limitVerdict(limit, reading, refusal, demand.group));
    }
    return verdicts;
  }

  private refusal(limit: PlannedLimit, demand: Demand, reading: Reading): Refusal {
    const { counter, amount, roomMin = 0 } = demand;
    const needed = Math.max(amount, roomMin);
    return limitRefusal(limit, reading, needed, this.provisional.of(counter.name));
  }

  budgetVerdicts(
    budgets: readonly Budget[],
    levels: readonly BudgetLevel[],
    question: BudgetQuestion,
    now: WallMs,
  ): BudgetVerdict[] {
    const verdicts: BudgetVerdict[] = [];
    let i = 0;
    for (const budget of budgets) {
      const level = levels[i++];
      if (level === undefined) continue;
      const { postedNanos, heldNanos, extraNanos, key } = level;
      const limitNanos = budget.amountNanos + extraNanos;
      const endless = budget.period.kind === 'lifetime';
      const state = { limitNanos, postedNanos, heldNanos, period: key.period, endless };
      verdicts.push(budgetVerdict(factsOf(budget), state, question, now));
    }
    return verdicts;
  }

  private periodKey(budget: Budget, now: WallMs): PeriodKey {
    const period = this.intervals.intervalAt(budget.period, now);
    return { budgetId: budget.id, generation: budget.generation, period };
  }
}

const NOTHING = {};

/** Kept with the key: one limit, as most keys have, is found at once. */
function planOwn(chain: Chain, region: string): object {
  const plan = chain.own === undefined ? undefined : OwnerPlan.of(chain.own, region);
  chain.plan = plan?.only ?? plan ?? NOTHING;
  return chain.plan;
}

const factsOf = ({ id, name, owner, shadow }: Budget): PolicyFacts => ({
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
  return [...limits, ...budgets].sort(
    (a, b) => RANK[a.policy.owner.kind] - RANK[b.policy.owner.kind],
  );
}
