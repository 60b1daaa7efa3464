import type { CounterGroup, CounterSpec, Demand } from '../counters/core/counter.js';
import type { Budget, GroupBy, Limit } from '../governance/core/model.js';
import type { Applies, PolicyGroup, Prepared } from '../governance/core/policy-group.js';
import type { CountedCall } from './counted-call.js';
import { counterSpec } from './core/counter-spec.js';
import { countable, roomFor } from './core/counts.js';
import type { LimitFacts } from './core/decision.js';
import {
  groupCounterName,
  groupValues,
  type GroupValues,
  limitCounterName,
} from './core/group-values.js';

/** What a call wants of one limit, and by which values its counter is named. */
export interface LimitDemand extends Demand {
  readonly group?: GroupValues | undefined;
}

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
  readonly isConcurrency: boolean;
  /** How long a call takes a place of it. 0 unless it counts concurrency. */
  readonly holdMs: number;
  /** Whether calls pass that it cannot count. */
  readonly failsOpen: boolean;
  /** Undefined: to every call of the owner. */
  readonly applies: Applies | undefined;
  private readonly groupBy: GroupBy | undefined;
  /** Counts requests, in one counter for all calls: the common case, and the fast one. */
  private readonly isPlain: boolean;
  private readonly counter: CounterSpec;
  /** The last demand: most calls ask for the same amount, and share it. */
  private demand: Demand;

  constructor({ policy: limit, applies }: Prepared<Limit>) {
    const { algorithm, unit, groupBy } = limit;
    this.policyId = limit.id;
    this.policyName = limit.name;
    this.owner = limit.owner;
    this.shadow = limit.shadow;
    this.unit = unit;
    this.maximum = limit.maximum;
    this.isConcurrency = algorithm.kind === 'concurrency';
    this.holdMs = algorithm.kind === 'concurrency' ? algorithm.holdMs : 0;
    this.failsOpen = limit.onUnavailable === 'allow';
    this.applies = applies;
    this.groupBy = groupBy;
    this.isPlain = unit === 'requests' && groupBy === undefined && !this.isConcurrency;
    this.counter = counterOf(limit, limitCounterName(limit));
    this.demand = { counter: this.counter, amount: 1, enforced: !limit.shadow };
  }

  demandOf(call: CountedCall): LimitDemand {
    if (!this.isPlain) return this.particularDemand(call);
    const amount = call.requests;
    if (this.demand.amount !== amount)
      this.demand = { counter: this.counter, amount, enforced: !this.shadow };
    return this.demand;
  }

  private particularDemand(call: CountedCall): LimitDemand {
    const cost = this.costOf(call);
    const group = this.groupBy && groupValues(this.groupBy.keys, (key) => call.groupValue(key));
    return {
      counter: group === undefined ? this.counter : this.counterFor(group),
      amount: countable(cost ?? 0),
      enforced: !this.shadow,
      roomMin: roomFor(cost),
      holdMs: call.holdMs,
      group,
    };
  }

  /** Undefined: not known. */
  private costOf(call: CountedCall): number | undefined {
    switch (this.unit) {
      case 'requests':
        return this.isConcurrency ? Math.min(call.requests, 1) : call.requests;
      case 'tokens':
        return call.tokens;
      case 'nano_usd':
        return call.amountNanos;
    }
  }

  private counterFor(group: GroupValues): CounterSpec {
    return { ...this.counter, name: groupCounterName(this.counter.name, group) };
  }
}

/** The counter of a limit with that name: its own, or one of its groups. */
export function counterOf(limit: Limit, name: string): CounterSpec {
  const { maximum, algorithm } = limit;
  return counterSpec(algorithm, { name, maximum, group: familyOf(limit) });
}

function familyOf(limit: Limit): CounterGroup | undefined {
  const { groupBy } = limit;
  return groupBy && { name: limitCounterName(limit), countersMax: groupBy.groupsMax };
}

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
