import { Injectable } from '@nestjs/common';
import type { ReservationFacts } from '../budgets/core/ledger-item.js';
import { present } from '../common/assert.js';
import { type Settled, settledValue } from '../common/settled.js';
import type { WallMs } from '../common/time.js';
import type { Reading, Receipt } from '../counters/core/counter.js';
import type { Budget } from '../governance/core/model.js';
import { type Outcomes, settleAll } from './batch.js';
import { type BudgetAnswer, type BudgetCheck, BudgetChecks } from './budget-checks.js';
import { type Admission, CallAdmission } from './call-admission.js';
import type { CheckCall } from './core/calls.js';
import { DecisionCounts } from './core/decision-counts.js';
import { type Decision, decide, denyKey, type PolicyVerdict } from './core/decision.js';
import { CountedCheck } from './counted-call.js';
import { Estimates } from './estimates.js';
import { type LimitCheck, LimitChecks, ttlOf } from './limit-checks.js';
import { inOwnerOrder, type MatchedPolicies } from './matched-policies.js';
import { QuotaPorts } from './quota-ports.js';

export interface CheckAnswer {
  readonly decision: Decision;
  /** Empty if the call named no key, or one that does not exist. */
  readonly virtualKeyId: string;
  /** What was set aside, if anything was. */
  readonly reservation?: ReservationFacts | undefined;
  /** The reservation is one that the same check had made before. */
  readonly isReplayed?: boolean | undefined;
  /** The call was let pass without the ledger, which is away. */
  readonly isUnheld?: boolean | undefined;
  /** How old the news of the most silent peer was. Undefined: this replica counts alone. */
  readonly freshnessMs?: number | undefined;
}

/** A check whose key and policies are known. */
interface MatchedCheck extends LimitCheck {
  readonly budgets: readonly Budget[];
}

/** What is the same for all calls of a batch. */
interface Moment {
  /** Calls of a batch are decided at one instant. */
  readonly isBatch: boolean;
  readonly now: WallMs;
  /** Asked once: it looks at every peer. */
  readonly freshnessMs: number | undefined;
}

type Outcome = Omit<CheckAnswer, 'virtualKeyId' | 'freshnessMs'>;
type Held = Extract<BudgetAnswer, { kind: 'held' }>;

/**
 * May this call go ahead? Limits are decided first, from memory, and count at once; budgets then ask
 * the ledger, and if one denies, the limits give back what they took. Answers without a promise when
 * only limits match and the key is in memory, which is the common and the hot case.
 */
@Injectable()
export class CheckLimitService {
  readonly counts = new DecisionCounts();
  private readonly policies: MatchedPolicies;

  constructor(
    private readonly admission: CallAdmission,
    private readonly limits: LimitChecks,
    private readonly budgets: BudgetChecks,
    private readonly estimates: Estimates,
    private readonly ports: QuotaPorts,
  ) {
    this.policies = ports.policies;
  }

  check(call: CheckCall): CheckAnswer | Promise<CheckAnswer> {
    const moment = this.moment(false);
    const admission = this.admission.admit(call, moment.now);
    return admission instanceof Promise
      ? admission.then((known) => this.decideFor(call, known, this.moment(false)))
      : this.decideFor(call, admission, moment);
  }

  /** For metrics: the reservations that limits keep. */
  reservations(): ReturnType<LimitChecks['stats']> {
    return this.limits.stats();
  }

  /**
   * In order, and at one instant. Keys are looked up first, so that one that takes a while does not
   * change the order. A batch whose keys are all in memory and that meets limits only needs no promise.
   */
  checkMany(calls: readonly CheckCall[]): Outcomes<CheckAnswer> {
    const moment = this.moment(true);
    const admissions = settleAll(calls, (call) => this.admission.admit(call, moment.now));
    return admissions instanceof Promise
      ? admissions.then((known) => this.decideAll(calls, known, this.moment(true)))
      : this.decideAll(calls, admissions, moment);
  }

  private moment(isBatch: boolean): Moment {
    const { clock, replication } = this.ports;
    return { isBatch, now: clock.wallNow(), freshnessMs: replication.freshnessMs() };
  }

  private decideAll(
    calls: readonly CheckCall[],
    admissions: readonly Settled<Admission>[],
    moment: Moment,
  ): Outcomes<CheckAnswer> {
    return settleAll(calls, (call, i) => {
      const admission = present(admissions[i], 'each call was admitted or refused');
      return this.decideFor(call, settledValue(admission), moment);
    });
  }

  private decideFor(
    call: CheckCall,
    admission: Admission,
    moment: Moment,
  ): CheckAnswer | Promise<CheckAnswer> {
    const { now, freshnessMs, isBatch } = moment;
    if (admission.kind === 'refused') {
      const decision = denyKey(admission.reason);
      return this.answer(call, admission.virtualKeyId, { decision }, freshnessMs);
    }
    const { caller, matched } = admission;
    const { limits, budgets } = matched;
    const counted = new CountedCheck(call, caller, this.estimates);
    const demands = this.policies.demands(limits, counted);
    const check = { call, caller, limits, budgets, demands, now };
    const heard = isBatch || call.dryRun ? undefined : this.limits.heard(check);
    if (heard === undefined) return this.decideOn(check, freshnessMs);
    return heard.then(() => {
      const later = this.moment(false);
      return this.decideOn({ ...check, now: later.now }, later.freshnessMs);
    });
  }

  private decideOn(
    check: MatchedCheck,
    freshnessMs: number | undefined,
  ): CheckAnswer | Promise<CheckAnswer> {
    const { call, caller, budgets } = check;
    const { virtualKeyId } = caller;
    if (budgets.length === 0)
      return this.answer(call, virtualKeyId, this.checkLimits(check), freshnessMs);
    return this.checkBoth(check).then((outcome) =>
      this.answer(call, virtualKeyId, outcome, this.ports.replication.freshnessMs()),
    );
  }

  private answer(
    call: CheckCall,
    virtualKeyId: string,
    outcome: Outcome,
    freshnessMs: number | undefined,
  ): CheckAnswer {
    const { decision, reservation, isReplayed, isUnheld } = outcome;
    if (!call.dryRun && isReplayed !== true) this.counts.record(decision);
    return { decision, virtualKeyId, reservation, isReplayed, isUnheld, freshnessMs };
  }

  private checkLimits(check: MatchedCheck): Outcome {
    if (check.call.dryRun)
      return { decision: decide(this.limitVerdicts(check, this.limits.read(check))) };
    if (this.limits.isReserved(check)) return this.reserveLimits(check);
    const { readings } = this.limits.take(check);
    return { decision: decide(this.limitVerdicts(check, readings)) };
  }

  private reserveLimits(check: MatchedCheck): Outcome {
    const earlier = this.limits.earlier(check);
    if (earlier !== undefined) return this.allowedBefore(check, earlier);
    const outcome = this.limits.take(check);
    const decision = decide(this.limitVerdicts(check, outcome.readings));
    if (outcome.kind === 'refused') return { decision };
    return { decision, reservation: this.limits.reserve(check, outcome.receipt) };
  }

  /** Whatever has passed since, and counted once. */
  private allowedBefore(
    check: MatchedCheck,
    reservation: ReservationFacts,
    readings = this.limits.read(check),
  ): Outcome {
    const decision = decide(this.limitVerdicts(check, readings).map(withoutRefusal));
    return { decision, reservation, isReplayed: true };
  }

  private async checkBoth(check: MatchedCheck): Promise<Outcome> {
    const { call, caller, budgets, limits, now } = check;
    const estimate = this.estimates.estimate(call, budgets);
    if (estimate === undefined) return { decision: denyKey('UNPRICED') };
    const asked = { call, caller, budgets, estimate, ttlMs: ttlOf(call, limits), now };
    if (call.dryRun) return this.lookAtBudgets(check, asked, this.limits.read(check));
    const unheld = this.limits.earlier(check);
    if (unheld !== undefined) return this.allowedBefore(check, unheld);
    const outcome = this.limits.takeProvisionally(check);
    if (outcome.kind === 'refused') return this.refusedByLimits(check, asked, outcome.readings);
    return this.decideTaken(check, asked, outcome);
  }

  private async lookAtBudgets(
    check: MatchedCheck,
    asked: BudgetCheck,
    readings: readonly Reading[],
  ): Promise<Outcome> {
    const verdicts = await this.budgets.look(asked);
    return { decision: this.decideBoth(check, readings, verdicts) };
  }

  /** A check that was allowed before and is only repeated is not refused for what has passed since. */
  private async refusedByLimits(
    check: MatchedCheck,
    asked: BudgetCheck,
    readings: readonly Reading[],
  ): Promise<Outcome> {
    const earlier = await this.budgets.findEarlier(asked);
    if (earlier === undefined) return this.lookAtBudgets(check, asked, readings);
    return this.allowedBefore(check, earlier, readings);
  }

  /** The limits have counted the call already; whatever keeps it from being new gives that back. */
  private async decideTaken(
    check: MatchedCheck,
    asked: BudgetCheck,
    { readings, receipt }: { readings: readonly Reading[]; receipt: Receipt },
  ): Promise<Outcome> {
    const { provisional } = this.policies;
    provisional.begin(receipt.entries);
    let answer: BudgetAnswer;
    try {
      answer = await this.budgets.ask(asked, this.limits.takesOf(check, receipt));
    } catch (error) {
      this.limits.giveBack(receipt, this.ports.clock.wallNow());
      throw error;
    } finally {
      provisional.end(receipt.entries);
    }
    if (answer.kind === 'held' && answer.isReplayed) return this.repeated(check, receipt, answer);
    const verdicts = answer.kind === 'unheld' ? [] : answer.verdicts;
    const decision = this.decideBoth(check, readings, verdicts);
    if (decision.kind === 'deny')
      return { decision: this.decideBoth(check, this.giveBack(check, receipt), verdicts) };
    this.limits.commit(receipt, this.ports.clock.wallNow());
    if (answer.kind === 'held') {
      this.limits.copy(check, receipt, answer.reservation);
      return { decision, reservation: answer.reservation };
    }
    const reservation = this.limits.isReserved(check)
      ? this.limits.reserve(check, receipt)
      : undefined;
    return { decision, reservation, isUnheld: answer.kind === 'unheld' };
  }

  /** What the same check was told before: allowed, whatever has passed since, and counted once. */
  private repeated(
    check: MatchedCheck,
    receipt: Receipt,
    { verdicts, reservation }: Held,
  ): Outcome {
    const limits = this.limitVerdicts(check, this.giveBack(check, receipt));
    const decision = decide(inOwnerOrder(limits, verdicts).map(withoutRefusal));
    return { decision, reservation, isReplayed: true };
  }

  private giveBack(check: MatchedCheck, receipt: Receipt): readonly Reading[] {
    const now = this.ports.clock.wallNow();
    this.limits.giveBack(receipt, now);
    return this.limits.read({ ...check, now });
  }

  private decideBoth(
    check: MatchedCheck,
    readings: readonly Reading[],
    budgets: readonly PolicyVerdict[],
  ): Decision {
    return decide(inOwnerOrder(this.limitVerdicts(check, readings), budgets));
  }

  private limitVerdicts({ limits, demands }: MatchedCheck, readings: readonly Reading[]) {
    return this.policies.limitVerdicts(limits, demands, readings);
  }
}

const withoutRefusal = <V extends PolicyVerdict>(verdict: V): V => ({
  ...verdict,
  refusal: undefined,
});
