import { Injectable } from '@nestjs/common';
import { invalidArgument } from '../common/domain-error.js';
import type { Settled } from '../common/settled.js';
import type {
  BatchDebitBudgetRequest,
  BatchDebitBudgetResponse,
  DebitBudgetRequest,
  DebitBudgetResponse,
  DebitBudgetResult,
  ExtendReservationRequest,
  ExtendReservationResponse,
  GetUsageRequest,
  GetUsageResponse,
  ReleaseReservationRequest,
  ReleaseReservationResponse,
} from '../gen/weir/v1/quota_service.js';
import { toInterval } from '../rpc/proto-interval.js';
import { runBatch } from './batch.js';
import type { CheckResult } from './check-answer-codec.js';
import { type CheckAnswer, CheckLimitService } from './check-limit.service.js';
import {
  checkCall,
  debitCall,
  extendCall,
  type RawCheck,
  releaseCall,
  requireBatchSize,
} from './core/calls.js';
import type { DebitAnswer } from './debit-answer.js';
import { DebitBudgetService } from './debit-budget.service.js';
import {
  fromDebitAnswer,
  fromExtendAnswer,
  fromReleaseAnswer,
  fromItemError,
  fromUsage,
  toDebitCall,
  toOwnerKind,
  toRawExtend,
  toRawRelease,
  toSubject,
} from './quota-proto.js';
import { ReservationsService } from './reservations.service.js';
import type { StreamAnswer, StreamBatch } from './stream-codec.js';
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

  /** Checks come and go without messages in between: see their codecs. */
  checkLimit(check: RawCheck): CheckAnswer | Promise<CheckAnswer> {
    return this.checks.check(checkCall(check));
  }

  batchCheckLimit(
    checks: readonly RawCheck[],
  ): readonly CheckResult[] | Promise<readonly CheckResult[]> {
    requireBatchSize('checks', checks.length, BATCH_ITEMS_MAX);
    return this.decideChecks(checks);
  }

  async debitBudget(request: DebitBudgetRequest): Promise<DebitBudgetResponse> {
    return fromDebitAnswer(await this.debits.debit(debitCall(toDebitCall(request))));
  }

  async batchDebitBudget({ debits }: BatchDebitBudgetRequest): Promise<BatchDebitBudgetResponse> {
    requireBatchSize('debits', debits.length, BATCH_ITEMS_MAX);
    return { results: await this.postDebits(debits) };
  }

  /** One batch of a stream. The checks are decided before this returns, also if the debits take a while. */
  answerBatch({ id, checks, debits }: StreamBatch): StreamAnswer | Promise<StreamAnswer> {
    try {
      requireBatchSize('checks and debits', checks.length + debits.length, BATCH_ITEMS_MAX);
    } catch (error) {
      return { id, checks: [], debits: [], error: fromItemError(error) };
    }
    const decided = this.decideChecks(checks);
    if (debits.length > 0 || decided instanceof Promise)
      return this.answerLater(id, decided, this.postDebits(debits));
    return { id, checks: decided, debits: [] };
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

  private decideChecks(
    checks: readonly RawCheck[],
  ): readonly CheckResult[] | Promise<readonly CheckResult[]> {
    const outcomes = runBatch(checks, {
      parse: checkCall,
      run: (calls) => this.checks.checkMany(calls),
    });
    return outcomes instanceof Promise ? outcomes.then(checkResults) : checkResults(outcomes);
  }

  private async answerLater(
    id: bigint,
    checks: Promise<readonly CheckResult[]> | readonly CheckResult[],
    debits: Promise<DebitBudgetResult[]>,
  ): Promise<StreamAnswer> {
    const [decided, posted] = await Promise.all([checks, debits]);
    return { id, checks: decided, debits: posted };
  }

  private async postDebits(debits: readonly DebitBudgetRequest[]): Promise<DebitBudgetResult[]> {
    const results = await runBatch(debits, {
      parse: (item) => debitCall(toDebitCall(item)),
      run: (calls) => this.debits.debitMany(calls),
    });
    return results.map(debitResult);
  }

  private usageOf({ subject, interval, group }: GetUsageRequest): Promise<Usage> {
    if (subject === undefined)
      throw invalidArgument([{ field: 'subject', description: 'name a virtual key or an owner' }]);
    const query = { interval: toInterval(interval), group };
    if (subject.$case !== 'owner') return this.usage.ofSubject(toSubject(subject), query);
    const kind = toOwnerKind(subject.value);
    if (kind === undefined)
      throw invalidArgument([{ field: 'owner.kind', description: 'is required' }]);
    return this.usage.ofOwner({ kind, id: subject.value.id }, query);
  }
}

const checkResults = (outcomes: readonly Settled<CheckAnswer>[]): readonly CheckResult[] =>
  outcomes.map((settled) =>
    settled.status === 'fulfilled'
      ? settled
      : { status: 'failed', error: fromItemError(settled.reason) },
  );

function debitResult(settled: Settled<DebitAnswer>): DebitBudgetResult {
  if (settled.status === 'rejected')
    return { result: { $case: 'error', value: fromItemError(settled.reason) } };
  return { result: { $case: 'response', value: fromDebitAnswer(settled.value) } };
}
