import { Injectable } from '@nestjs/common';
import { invalidArgument } from '../common/domain-error.js';
import type {
  BatchCheckLimitRequest,
  BatchCheckLimitResponse,
  BatchDebitBudgetRequest,
  BatchDebitBudgetResponse,
  CheckLimitRequest,
  CheckLimitResponse,
  CheckLimitResult,
  DebitBudgetRequest,
  DebitBudgetResponse,
  DebitBudgetResult,
  ExtendReservationRequest,
  ExtendReservationResponse,
  GetUsageRequest,
  GetUsageResponse,
  ItemError,
  ReleaseReservationRequest,
  ReleaseReservationResponse,
} from '../gen/weir/v1/quota_service.js';
import { toInterval } from '../rpc/proto-interval.js';
import { runBatch, type Settled } from './batch.js';
import { type CheckAnswer, CheckLimitService } from './check-limit.service.js';
import { checkCall, debitCall, extendCall, releaseCall, requireBatchSize } from './core/calls.js';
import { type DebitAnswer, DebitBudgetService } from './debit-budget.service.js';
import {
  fromCheckAnswer,
  fromDebitAnswer,
  fromExtendAnswer,
  fromReleaseAnswer,
  fromItemError,
  fromUsage,
  toDebitCall,
  toOwnerKind,
  toRawCheck,
  toRawExtend,
  toRawRelease,
  toSubject,
} from './quota-proto.js';
import { ReservationsService } from './reservations.service.js';
import { type Usage, UsageService } from './usage.service.js';

export const BATCH_ITEMS_MAX = 1_000;

/** The calls of `weir.v1.QuotaService`: message in, use case, message out. */
@Injectable()
export class QuotaController {
  constructor(
    private readonly checks: CheckLimitService,
    private readonly debits: DebitBudgetService,
    private readonly reservations: ReservationsService,
    private readonly usage: UsageService,
  ) {}

  checkLimit(request: CheckLimitRequest): CheckLimitResponse | Promise<CheckLimitResponse> {
    const answer = this.checks.check(checkCall(toRawCheck(request)));
    return answer instanceof Promise ? answer.then(fromCheckAnswer) : fromCheckAnswer(answer);
  }

  batchCheckLimit({
    checks,
  }: BatchCheckLimitRequest): BatchCheckLimitResponse | Promise<BatchCheckLimitResponse> {
    requireBatchSize('checks', checks.length, BATCH_ITEMS_MAX);
    const outcomes = runBatch(checks, {
      parse: (item) => checkCall(toRawCheck(item)),
      run: (calls) => this.checks.checkMany(calls),
    });
    return outcomes instanceof Promise ? outcomes.then(checkResults) : checkResults(outcomes);
  }

  async debitBudget(request: DebitBudgetRequest): Promise<DebitBudgetResponse> {
    return fromDebitAnswer(await this.debits.debit(debitCall(toDebitCall(request))));
  }

  async batchDebitBudget({ debits }: BatchDebitBudgetRequest): Promise<BatchDebitBudgetResponse> {
    requireBatchSize('debits', debits.length, BATCH_ITEMS_MAX);
    const results = await runBatch(debits, {
      parse: (item) => debitCall(toDebitCall(item)),
      run: (calls) => this.debits.debitMany(calls),
    });
    return { results: results.map(debitResult) };
  }

  async extendReservation(request: ExtendReservationRequest): Promise<ExtendReservationResponse> {
    return fromExtendAnswer(await this.reservations.extend(extendCall(toRawExtend(request))));
  }

  async releaseReservation(
    request: ReleaseReservationRequest,
  ): Promise<ReleaseReservationResponse> {
    return fromReleaseAnswer(await this.reservations.release(releaseCall(toRawRelease(request))));
  }

  async getUsage(request: GetUsageRequest): Promise<GetUsageResponse> {
    return fromUsage(await this.usageOf(request));
  }

  private usageOf({ subject, interval }: GetUsageRequest): Promise<Usage> {
    if (subject === undefined)
      throw invalidArgument([{ field: 'subject', description: 'name a virtual key or an owner' }]);
    const recorded = toInterval(interval);
    if (subject.$case !== 'owner') return this.usage.ofSubject(toSubject(subject), recorded);
    const kind = toOwnerKind(subject.value);
    if (kind === undefined)
      throw invalidArgument([{ field: 'owner.kind', description: 'is required' }]);
    return this.usage.ofOwner({ kind, id: subject.value.id }, recorded);
  }
}

const checkResults = (outcomes: readonly Settled<CheckAnswer>[]): BatchCheckLimitResponse => ({
  results: outcomes.map(checkResult),
});

function checkResult(settled: Settled<CheckAnswer>): CheckLimitResult {
  if (settled.status === 'rejected') return itemError(settled.reason);
  return { result: { $case: 'response', value: fromCheckAnswer(settled.value) } };
}

function debitResult(settled: Settled<DebitAnswer>): DebitBudgetResult {
  if (settled.status === 'rejected') return itemError(settled.reason);
  return { result: { $case: 'response', value: fromDebitAnswer(settled.value) } };
}

const itemError = (error: unknown): { result: { $case: 'error'; value: ItemError } } => ({
  result: { $case: 'error', value: fromItemError(error) },
});
