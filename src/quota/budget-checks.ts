import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type {
  BudgetLevel,
  Hold,
  LedgerAnswer,
  ReservationFacts,
} from '../budgets/core/ledger-item.js';
import { AssertionError } from '../common/assert.js';
import { DomainError, invalidArgument } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import type { WallMs } from '../common/time.js';
import type { Budget } from '../governance/core/model.js';
import { bodyHash } from './body-hash.js';
import { allowsUnavailable, expiryPolicyOf } from './budget-rules.js';
import { type Caller, idsOf } from './call-admission.js';
import { checkBody } from './core/call-body.js';
import type { CheckCall } from './core/calls.js';
import type { PolicyVerdict } from './core/decision.js';
import { type Take, writeTakes } from './core/takes.js';
import type { Estimate } from './estimates.js';
import type { MatchedPolicies } from './matched-policies.js';
import { QuotaPorts } from './quota-ports.js';
import { reservationKeyReused } from './reservation-errors.js';

/** What budgets are asked about one call. */
export interface BudgetCheck {
  readonly call: CheckCall;
  readonly caller: Caller;
  readonly budgets: readonly Budget[];
  readonly estimate: Estimate;
  /** How long a reservation lasts. */
  readonly ttlMs: number;
  readonly now: WallMs;
}

export type BudgetAnswer =
  | {
      readonly kind: 'held';
      readonly verdicts: readonly PolicyVerdict[];
      readonly reservation: ReservationFacts;
      /** It had been made before: limits have counted it then. */
      readonly isReplayed: boolean;
    }
  /** Nothing was set aside: a budget refused, or the call did not want it. */
  | { readonly kind: 'seen'; readonly verdicts: readonly PolicyVerdict[] }
  /** The ledger is away, and every budget says to let calls pass then. */
  | { readonly kind: 'unheld' };

/** The budgets' part of a check: sets the estimate aside in all of them, or in none. */
@Injectable()
export class BudgetChecks {
  private readonly policies: MatchedPolicies;

  constructor(
    private readonly budgets: BudgetsService,
    private readonly ports: QuotaPorts,
  ) {
    this.policies = ports.policies;
  }

  /** How the budgets stand, with nothing set aside. */
  async look({ budgets, estimate, now }: BudgetCheck): Promise<readonly PolicyVerdict[]> {
    const levels = await this.budgets.levels(this.policies.periodKeys(budgets, now));
    const question = { amountNanos: estimate.amountNanos, ownNanos: 0n, freesAt: undefined };
    return this.policies.budgetVerdicts(budgets, levels, question, now);
  }

  /** @throws DomainError `UNAVAILABLE` if the ledger is away and a budget must not be passed then. */
  async ask(check: BudgetCheck, takes: readonly Take[]): Promise<BudgetAnswer> {
    try {
      if (check.call.noHold) return { kind: 'seen', verdicts: await this.look(check) };
      return this.read(check, await this.budgets.reserve(this.holdOf(check, takes)));
    } catch (error) {
      if (isUnavailable(error) && allowsUnavailable(check.budgets)) return { kind: 'unheld' };
      throw error;
    }
  }

  /** A reservation that this call has made before, for one that limits refuse now. */
  async findEarlier(check: BudgetCheck): Promise<ReservationFacts | undefined> {
    const { call, caller, estimate } = check;
    if (call.noHold || call.dryRun || call.reservationKey === '') return undefined;
    const reservation = { kind: 'key', key: call.reservationKey } as const;
    const scope = caller.virtualKeyId;
    // An extension by nothing: it answers what the reservation is, and changes no hold.
    const looked = { kind: 'extend', scope, reservation, ttlMs: 0, addNanos: 0n } as const;
    const answer = await this.budgets.reserve({ ...looked, budgets: [] });
    if (answer.kind !== 'extended') return undefined;
    return answer.reservation.amountNanos === estimate.amountNanos ? answer.reservation : undefined;
  }

  private holdOf(check: BudgetCheck, takes: readonly Take[]): Hold {
    const { call, caller, budgets, estimate, ttlMs, now } = check;
    if (call.reservationKey === '') throw keyRequired();
    return {
      kind: 'hold',
      id: newId('res', now, this.ports.random),
      scope: caller.virtualKeyId,
      reservationKey: call.reservationKey,
      bodyHash: bodyHash(checkBody(call, caller.virtualKeyId)),
      ...idsOf(caller),
      provider: call.provider,
      model: call.model,
      ...estimate,
      onExpiry: expiryPolicyOf(budgets),
      ttlMs,
      budgets: this.policies.periodLimits(budgets, now),
      takes: writeTakes(takes),
    };
  }

  private read(check: BudgetCheck, answer: LedgerAnswer): BudgetAnswer {
    switch (answer.kind) {
      case 'held': {
        const { reservation, isReplayed, levels } = answer;
        const verdicts = this.verdicts(check, levels, reservation.amountNanos);
        return { kind: 'held', verdicts, reservation, isReplayed };
      }
      case 'denied':
        return { kind: 'seen', verdicts: this.verdicts(check, answer.levels, 0n, answer.freesAt) };
      case 'conflict':
        throw reservationKeyReused();
      case 'out_of_range':
        throw outOfRange();
      case 'posted':
      case 'released':
      case 'extended':
      case 'expired':
      case 'ended':
      case 'unknown':
        throw new AssertionError(`the ledger answered a hold with ${answer.kind}`);
    }
  }

  private verdicts(
    { budgets, estimate, now }: BudgetCheck,
    levels: readonly BudgetLevel[],
    ownNanos: bigint,
    freesAt?: WallMs,
  ): readonly PolicyVerdict[] {
    const question = { amountNanos: estimate.amountNanos, ownNanos, freesAt };
    return this.policies.budgetVerdicts(budgets, levels, question, now);
  }
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof DomainError && error.code === 'UNAVAILABLE';

function keyRequired(): DomainError {
  const description =
    'is required, since a budget matches and the call will be held; make one per call and repeat it ' +
    'when you retry, or set no_hold';
  return invalidArgument([{ field: 'reservation_key', description }]);
}

function outOfRange(): DomainError {
  const message = 'the sum would leave the range of int64 nano-USD; nothing was held';
  return new DomainError('OUT_OF_RANGE', message, {
    violations: [{ field: 'amount_nanos', description: 'is too large' }],
  });
}
