import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { Spend } from '../budgets/core/ledger-model.js';
import { Clock } from '../common/clock.js';
import type { Interval } from '../common/time.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Owner } from '../governance/core/model.js';
import { GovernanceService } from '../governance/governance.service.js';
import { JUST_LOOKING } from './core/budget-verdict.js';
import type { GroupValues } from './core/group-values.js';
import { keyNotFound, type Subject } from './core/calls.js';
import type { PolicyVerdict } from './core/decision.js';
import { requireGroup } from './core/usage-group.js';
import { inOwnerOrder, MatchedPolicies } from './matched-policies.js';
import { CountedLook } from './counted-call.js';

export interface UsageQuery {
  /** Which debits to sum up. Undefined: all. */
  readonly interval: Interval | undefined;
  /** Whose counters to read of limits with a `group_by`: values by key. */
  readonly group: GroupValues;
}

export interface Usage {
  readonly verdicts: readonly PolicyVerdict[];
  readonly spend: Spend;
}

/** What has an owner used? Reads everything and counts nothing. */
@Injectable()
export class UsageService {
  constructor(
    private readonly governance: GovernanceService,
    private readonly counters: CounterEngine,
    private readonly budgets: BudgetsService,
    private readonly policies: MatchedPolicies,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError `NOT_FOUND` if the key is unknown, and as {@link ofOwner}. */
  async ofSubject(subject: Subject, query: UsageQuery): Promise<Usage> {
    const resolved = await this.governance.resolve(subject);
    if (resolved.kind === 'unknown')
      throw keyNotFound(subject.kind === 'key' ? subject.keyId : undefined);
    const owner: Owner =
      resolved.kind === 'found'
        ? { kind: 'virtual_key', id: resolved.key.id }
        : { kind: 'root', id: '' };
    return this.ofOwner(owner, query);
  }

  /** @throws DomainError `NOT_FOUND` if there is no such owner, `INVALID_ARGUMENT` if nothing is grouped so. */
  async ofOwner(owner: Owner, { interval, group }: UsageQuery): Promise<Usage> {
    const { limits: all, budgets } = this.governance.policiesOf(owner);
    requireGroup(group, all);
    const now = this.clock.wallNow();
    const limits = this.policies.planned(all);
    const demands = this.policies.demands(
      limits,
      new CountedLook(this.governance.lineOf(owner), group),
    );
    const readings = this.counters.read(demands, now);
    const [levels, spend] = await Promise.all([
      this.budgets.levels(this.policies.periodKeys(budgets, now)),
      this.budgets.spend({ owner, interval }),
    ]);
    const verdicts = inOwnerOrder(
      this.policies.limitVerdicts(limits, demands, readings),
      this.policies.budgetVerdicts(budgets, levels, JUST_LOOKING, now),
    );
    return { verdicts, spend };
  }
}
