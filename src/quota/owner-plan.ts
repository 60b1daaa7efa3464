import { CounterPlace } from '../counters/core/counter-place.js';
import type { CounterGroup, CounterSpec, Demand } from '../counters/core/counter.js';
import type { Budget, GroupBy, Limit } from '../governance/core/model.js';
import type { Applies, Call, PolicyGroup, Prepared } from '../governance/core/policy-group.js';
import type { CountedCall } from './counted-call.js';
import { parseCounterName } from './core/counter-name.js';
import { counterSpec } from './core/counter-spec.js';
import { countable, roomFor } from './core/counts.js';
import type { LimitFacts } from './core/decision.js';
import {
  groupCounterName,
  groupValues,
  type GroupValues,
  isCounterOf,
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
  // In the order in which they lie in memory: first what each call looks at.
  private readonly counter: CounterSpec;
  /** Counts requests, in one counter for all calls: the common case, and the fast one. */
  private readonly isPlain: boolean;
  readonly shadow: boolean;
  readonly isConcurrency: boolean;
  /** Undefined: to every call of the owner. */
  readonly applies: Applies | undefined;
  readonly policyId: string;
  readonly policyName: string;
  readonly owner: Limit['owner'];
  readonly unit: Limit['unit'];
  readonly maximum: number;
  /** How long a call takes a place of it. 0 unless it counts concurrency. */
  readonly holdMs: number;
  /** Whether calls pass that it cannot count. */
  readonly failsOpen: boolean;
  private readonly groupBy: GroupBy | undefined;

  /** `region` is that of this replica. */
  constructor({ policy: limit, applies }: Prepared<Limit>, region: string) {
    const { algorithm, unit, groupBy } = limit;
    this.counter = specOf(limit, limitCounterName(limit, region), region, new CounterPlace());
    this.isConcurrency = algorithm.kind === 'concurrency';
    this.isPlain = unit === 'requests' && groupBy === undefined && !this.isConcurrency;
    this.shadow = limit.shadow;
    this.applies = applies;
    this.policyId = limit.id;
    this.policyName = limit.name;
    this.owner = limit.owner;
    this.unit = unit;
    this.maximum = limit.maximum;
    this.holdMs = algorithm.kind === 'concurrency' ? algorithm.holdMs : 0;
    this.failsOpen = limit.onUnavailable === 'allow';
    this.groupBy = groupBy;
  }

  demandOf(call: CountedCall): LimitDemand {
    if (!this.isPlain) return this.particularDemand(call);
    return {
      counter: this.counter,
      amount: call.requests,
      enforced: !this.shadow,
      roomMin: 0,
      holdMs: undefined,
      group: undefined,
    };
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
    return { ...this.counter, name: groupCounterName(this.counter.name, group), place: undefined };
  }
}

/**
 * The counter of a limit with that name, as a replica of that region has it: its own, or one of its groups.
 * One of another region is told on, since it counts there: a call may be settled far from its check.
 */
export function counterOf(limit: Limit, name: string, region: string): CounterSpec {
  const counter = specOf(limit, name, region, undefined);
  // The overflow counter is none of the groups, and has room when these have none.
  return parseCounterName(name)?.isOverflow ? { ...counter, group: undefined } : counter;
}

function specOf(
  limit: Limit,
  name: string,
  region: string,
  place: CounterPlace | undefined,
): CounterSpec {
  const { maximum, algorithm, groupBy } = limit;
  const home = limitCounterName(limit, region);
  const group: CounterGroup | undefined = groupBy && {
    name: home,
    countersMax: groupBy.groupsMax,
  };
  const isApart = limit.scope === 'region' && isCounterOf(name, home);
  const scope = isApart ? 'region' : undefined;
  return counterSpec(algorithm, { name, maximum, group, scope, place });
}

/** The policies of one owner, prepared for deciding. Made at the first call after one of them changed. */
export class OwnerPlan {
  /** The one limit, if there is nothing else, and it applies to every call: a key seldom has more. */
  readonly only: PlannedLimit | undefined;
  readonly limits: readonly PlannedLimit[];
  readonly budgets: readonly Prepared<Budget>[];

  private constructor(group: PolicyGroup, region: string) {
    const limits = group.prepareLimits().map((prepared) => new PlannedLimit(prepared, region));
    const budgets = group.prepareBudgets();
    const [first] = limits;
    const isOnly = limits.length === 1 && budgets.length === 0 && first?.applies === undefined;
    this.only = isOnly ? first : undefined;
    this.limits = isOnly ? NO_LIMITS : limits;
    this.budgets = isOnly ? NO_BUDGETS : budgets;
  }

  static of(group: PolicyGroup, region: string): OwnerPlan {
    const { plan } = group;
    if (plan instanceof OwnerPlan) return plan;
    const made = new OwnerPlan(group, region);
    group.plan = made;
    return made;
  }

  /** Adds what applies to the call. */
  addTo(limits: PlannedLimit[], budgets: Budget[], call: Call): void {
    if (this.only !== undefined) limits.push(this.only);
    for (const limit of this.limits)
      if (limit.applies === undefined || limit.applies(call)) limits.push(limit);
    for (const { policy, applies } of this.budgets)
      if (applies === undefined || applies(call)) budgets.push(policy);
  }
}

const NO_LIMITS: readonly PlannedLimit[] = [];
const NO_BUDGETS: readonly Prepared<Budget>[] = [];
