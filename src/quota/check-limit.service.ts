import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import { Clock } from '../common/clock.js';
import type { WallMs } from '../common/time.js';
import type { Demand, Reading, TakeOutcome } from '../counters/core/counter.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Budget, Limit } from '../governance/core/model.js';
import { type Admission, CallAdmission } from './call-admission.js';
import type { CheckCall } from './core/calls.js';
import { type Decision, decide, denyKey, type PolicyVerdict } from './core/decision.js';
import { DecisionCounts } from './core/decision-counts.js';
import { inOwnerOrder, MatchedPolicies } from './matched-policies.js';

export interface CheckAnswer {
  readonly decision: Decision;
  /** Empty if the call named no key, or one that does not exist. */
  readonly virtualKeyId: string;
}

/** A check whose key and policies are known. */
interface MatchedCheck {
  readonly call: CheckCall;
  readonly limits: readonly Limit[];
  readonly budgets: readonly Budget[];
  readonly demands: readonly Demand[];
  readonly now: WallMs;
}

type Taken = Extract<TakeOutcome, { kind: 'taken' }>;

/**
 * May this call go ahead? Limits are decided first, from memory, and count at once; budgets then ask
 * the ledger, and if one denies, the limits give back what they took. Answers without a promise when
 * only limits match and the key is in memory, which is the common and the hot case.
 */
@Injectable()
export class CheckLimitService {
  readonly counts = new DecisionCounts();

  constructor(
    private readonly admission: CallAdmission,
    private readonly counters: CounterEngine,
    private readonly budgets: BudgetsService,
    private readonly policies: MatchedPolicies,
    private readonly clock: Clock,
  ) {}

  check(call: CheckCall): CheckAnswer | Promise<CheckAnswer> {
    const admission = this.admission.admit(call, this.clock.wallNow());
    return admission instanceof Promise
      ? admission.then((known) => this.decideFor(call, known))
      : this.decideFor(call, admission);
  }

  /** In order. Keys are looked up first, so that one that takes a while does not change the order. */
  async checkMany(
    calls: readonly CheckCall[],
  ): Promise<readonly PromiseSettledResult<CheckAnswer>[]> {
    const now = this.clock.wallNow();
    const admissions = await Promise.allSettled(
      calls.map(async (call) => ({ call, admission: await this.admission.admit(call, now) })),
    );
    return Promise.allSettled(
      admissions.map(async (settled) => {
        if (settled.status === 'rejected') throw settled.reason;
        return this.decideFor(settled.value.call, settled.value.admission);
      }),
    );
  }

  private decideFor(call: CheckCall, admission: Admission): CheckAnswer | Promise<CheckAnswer> {
    const { virtualKeyId } = admission;
    const answer = (decision: Decision): CheckAnswer => {
      if (!call.dryRun) this.counts.record(decision);
      return { decision, virtualKeyId };
    };
    if (admission.kind === 'refused') return answer(denyKey(admission.reason));
    const { limits, budgets } = admission;
    const demands = this.policies.demands(limits, call.requests);
    const check = { call, limits, budgets, demands, now: this.clock.wallNow() };
    if (budgets.length === 0) return answer(this.checkLimits(check));
    return this.checkBoth(check).then(answer);
  }

  private checkLimits(check: MatchedCheck): Decision {
    const { call, demands, now } = check;
    const readings = call.dryRun
      ? this.counters.read(demands, now)
      : this.counters.take(demands, now).readings;
    return decide(this.limitVerdicts(check, readings));
  }

  private async checkBoth(check: MatchedCheck): Promise<Decision> {
    const { call, demands, now } = check;
    if (call.dryRun) return this.withBudgets(check, this.counters.read(demands, now));
    const outcome = this.counters.take(demands, now);
    if (outcome.kind === 'refused') return this.withBudgets(check, outcome.readings);
    return this.decideHeld(check, outcome);
  }

  /** The limits have counted the call already; whatever keeps it from being allowed gives that back. */
  private async decideHeld(check: MatchedCheck, { readings, receipt }: Taken): Promise<Decision> {
    const { provisional } = this.policies;
    provisional.begin(receipt.entries);
    let verdicts: readonly PolicyVerdict[];
    try {
      verdicts = await this.budgetVerdicts(check);
    } catch (error) {
      this.counters.giveBack(receipt, this.clock.wallNow());
      throw error;
    } finally {
      provisional.end(receipt.entries);
    }
    const decision = decide(inOwnerOrder(this.limitVerdicts(check, readings), verdicts));
    if (decision.kind === 'allow') return decision;
    const now = this.clock.wallNow();
    this.counters.giveBack(receipt, now);
    const after = this.limitVerdicts(check, this.counters.read(check.demands, now));
    return decide(inOwnerOrder(after, verdicts));
  }

  private async withBudgets(check: MatchedCheck, readings: readonly Reading[]): Promise<Decision> {
    const verdicts = await this.budgetVerdicts(check);
    return decide(inOwnerOrder(this.limitVerdicts(check, readings), verdicts));
  }

  private async budgetVerdicts({ call, budgets, now }: MatchedCheck) {
    const balances = await this.budgets.balances(this.policies.periodKeys(budgets, now));
    return this.policies.budgetVerdicts(budgets, balances, call.amountNanos, now);
  }

  private limitVerdicts({ limits, call }: MatchedCheck, readings: readonly Reading[]) {
    return this.policies.limitVerdicts(limits, call.requests, readings);
  }
}
