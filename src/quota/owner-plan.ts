import type { CounterSpec, Demand } from '../counters/core/counter.js';
import type { Budget, Limit } from '../governance/core/model.js';
import type { Applies, PolicyGroup, Prepared } from '../governance/core/policy-group.js';
import { counterSpec } from './core/counter-spec.js';
import type { LimitFacts } from './core/decision.js';

/** What limits count of a call. */
export interface CountedCall {
  readonly requests: number;
}

export const ONE_REQUEST: CountedCall = { requests: 1 };

/**
 * One limit as calls meet it: what it applies to, its counter and what answers say of it are worked out
 * once for each version of the limit, so that a call only adds its amount.
 */
export class PlannedLimit implements LimitFacts {
  readonly policyId: string;
  readonly policyName: string;
  readonly owner: Limit['owner'];
  readonly shadow: boolean;
  readonly unit: Limit['unit'];
  readonly maximum: number;
  /** Undefined: to every call of the owner. */
  readonly applies: Applies | undefined;
  private readonly counter: CounterSpec;
  /** The last demand: most calls ask for the same amount, and share it. */
  private demand: Demand;

  constructor({ policy: limit, applies }: Prepared<Limit>) {
    this.policyId = limit.id;
    this.policyName = limit.name;
    this.owner = limit.owner;
    this.shadow = limit.shadow;
    this.unit = limit.unit;
    this.maximum = limit.maximum;
    this.applies = applies;
    this.counter = counterOf(limit);
    this.demand = { counter: this.counter, amount: 1, enforced: !limit.shadow };
  }

  demandOf(call: CountedCall): Demand {
    const amount = call.requests;
    if (this.demand.amount !== amount)
      this.demand = { counter: this.counter, amount, enforced: !this.shadow };
    return this.demand;
  }
}

export const counterOf = ({ id, generation, maximum, algorithm }: Limit): CounterSpec =>
  counterSpec(algorithm, { name: `${id}/${generation}`, maximum });

/** The policies of one owner, prepared for deciding. Made at the first call after one of them changed. */
export class OwnerPlan {
  readonly limits: readonly PlannedLimit[];
  readonly budgets: readonly Prepared<Budget>[];

  private constructor(group: PolicyGroup) {
    this.limits = group.prepareLimits().map((prepared) => new PlannedLimit(prepared));
    this.budgets = group.prepareBudgets();
  }

  static of(group: PolicyGroup): OwnerPlan {
    const { plan } = group;
    if (plan instanceof OwnerPlan) return plan;
    const made = new OwnerPlan(group);
    group.plan = made;
    return made;
  }
}
