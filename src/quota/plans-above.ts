import type { OwnersAbove } from '../governance/core/directory.js';
import type { Budget } from '../governance/core/model.js';
import type { Call } from '../governance/core/policy-group.js';
import { OwnerPlan, type PlannedLimit } from './owner-plan.js';

/** What a call meets: the root's policies first, the key's last; of one owner in the order of ids. */
export interface Matched {
  readonly limits: readonly PlannedLimit[];
  readonly budgets: readonly Budget[];
}

/** Pairs of provider and model whose policies are remembered. Callers choose the names, so there is an end. */
const REMEMBERED = 256;

/**
 * The policies of root, customer and team, of which there may be hundreds, one for each model. Calls name few
 * models, so what applies to one is remembered, until any policy changes: there is a new one of these then.
 */
export class PlansAbove {
  private readonly plans: readonly OwnerPlan[];
  private readonly looksAtLabels: boolean;
  private readonly byModel = new Map<string, Map<string, Matched>>();
  private remembered = 0;

  private constructor({ groups }: OwnersAbove, region: string) {
    this.plans = groups.map((group) => OwnerPlan.of(group, region));
    this.looksAtLabels = groups.some((group) => group.looksAtLabels());
  }

  static of(above: OwnersAbove, region: string): PlansAbove {
    const { plan } = above;
    if (plan instanceof PlansAbove) return plan;
    const made = new PlansAbove(above, region);
    above.plan = made;
    return made;
  }

  match(call: Call): Matched {
    if (this.looksAtLabels) return this.find(call);
    return this.byModel.get(call.model)?.get(call.provider) ?? this.remember(call, this.find(call));
  }

  private find(call: Call): Matched {
    const limits: PlannedLimit[] = [];
    const budgets: Budget[] = [];
    for (const plan of this.plans) plan.addTo(limits, budgets, call);
    return { limits, budgets };
  }

  private remember({ provider, model }: Call, matched: Matched): Matched {
    if (this.remembered === REMEMBERED) {
      this.byModel.clear();
      this.remembered = 0;
    }
    this.remembered += 1;
    const byProvider = this.byModel.get(model) ?? new Map<string, Matched>();
    this.byModel.set(model, byProvider.set(provider, matched));
    return matched;
  }
}
