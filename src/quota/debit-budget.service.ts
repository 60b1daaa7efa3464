import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { JournaledDebit } from '../budgets/core/journal-entry.js';
import type {
  BudgetLevel,
  Crossing,
  LedgerAnswer,
  PostDebit,
} from '../budgets/core/ledger-item.js';
import type { Debit, DebitFacts } from '../budgets/core/ledger-model.js';
import { priceDebit } from '../budgets/core/price-debit.js';
import { assert, AssertionError } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import type { WallMs } from '../common/time.js';
import type { Budget } from '../governance/core/model.js';
import { GovernanceService, type Resolved } from '../governance/governance.service.js';
import { type Settled, settleAll } from './batch.js';
import { callerOf, idsOf } from './call-admission.js';
import { JUST_LOOKING } from './core/budget-verdict.js';
import { debitBody } from './core/call-body.js';
import { type DebitCall, keyNotFound } from './core/calls.js';
import type { PolicyVerdict } from './core/decision.js';
import type { Use } from './core/take-use.js';
import { CountedDebit } from './counted-call.js';
import { LimitTakes } from './limit-takes.js';
import { QuotaPorts } from './quota-ports.js';
import { reservationEnded, reservationNotFound } from './reservation-errors.js';
import { RoamingReservations, type Settling } from './roaming-reservations.js';

export interface DebitAnswer {
  readonly facts: Pick<DebitFacts, 'id' | 'amountNanos' | 'priceId' | 'priceRevision'>;
  readonly recordedAt: WallMs;
  readonly replayed: boolean;
  /** The reservation that it settles had ended before. */
  readonly late: boolean;
  /** What was spent beyond the reservation. */
  readonly overageNanos: bigint;
  /** Empty while the ledger is away: what others have posted meanwhile is not known. */
  readonly verdicts: readonly PolicyVerdict[];
  /** Which thresholds the debit crossed when it was posted; not known while the ledger is away. */
  readonly crossed: readonly Crossing[];
  readonly virtualKeyId: string;
  /** It is in this replica's journal, and not yet in the ledger. */
  readonly journaled: boolean;
}

/** A debit whose key is known and whose amount is settled. */
interface PreparedDebit {
  readonly item: PostDebit;
  readonly budgets: readonly Budget[];
  readonly now: WallMs;
}

/**
 * What did this call cost? The key is only looked up, never judged: the money has been spent, so a
 * debit of an expired key is recorded like any other.
 */
@Injectable()
export class DebitBudgetService {
  constructor(
    private readonly governance: GovernanceService,
    private readonly budgets: BudgetsService,
    private readonly limits: LimitTakes,
    private readonly reservations: RoamingReservations,
    private readonly ports: QuotaPorts,
  ) {}

  /**
   * @throws DomainError `NOT_FOUND` for an unknown key, `FAILED_PRECONDITION` for a model without a
   * price, `ALREADY_EXISTS` for a key used with another body, `OUT_OF_RANGE` for a sum beyond int64.
   */
  async debit(call: DebitCall): Promise<DebitAnswer> {
    return this.post(call, await this.governance.resolve(call.subject));
  }

  /** In order, and in as few commits as possible: all are handed over before the first is waited for. */
  async debitMany(calls: readonly DebitCall[]): Promise<readonly Settled<DebitAnswer>[]> {
    const subjects = await settleAll(calls, (call) => this.governance.resolve(call.subject));
    return settleAll(calls, (call, i) => {
      const subject = subjects[i];
      assert(subject !== undefined, 'each key was looked up');
      if (subject.status === 'rejected') throw subject.reason;
      return this.post(call, subject.value);
    });
  }

  private async post(call: DebitCall, resolved: Resolved): Promise<DebitAnswer> {
    if (resolved.kind === 'unknown')
      throw keyNotFound(call.subject.kind === 'key' ? call.subject.keyId : undefined);
    const { virtualKeyId: scope } = callerOf(resolved);
    const whose = call.reservation && { scope, name: call.reservation };
    let settling = whose && (await this.reservations.settle(whose, call.idempotencyKey));
    try {
      // The ledger does not know a reservation of limits.
      const named = settling === undefined ? call.reservation : undefined;
      const prepared = this.prepare(call, resolved, named);
      let outcome = await this.budgets.debit(prepared.item);
      if (whose !== undefined && outcome.kind === 'unknown') {
        settling = await this.reservations.settleUnknown(whose, call.idempotencyKey);
        if (settling !== undefined)
          outcome = await this.budgets.debit({ ...prepared.item, reservation: undefined });
      }
      const answer = this.answer(prepared, outcome);
      await this.count(call, resolved, outcome, settling);
      return settling?.isLate === true ? { ...answer, late: true } : answer;
    } catch (error) {
      settling?.abandon();
      throw error;
    }
  }

  /**
   * What limits have counted for the debit's call is corrected, or counted now: once for each debit. Of a
   * repeated one only what its first answer may have left undone, which the reservation knows.
   */
  private async count(
    call: DebitCall,
    resolved: Known,
    outcome: LedgerAnswer | JournaledDebit,
    settling: Settling | undefined,
  ): Promise<void> {
    if (outcome.kind !== 'posted' && outcome.kind !== 'journaled') return;
    const { amountNanos } = outcome.facts;
    const caller = callerOf(resolved);
    const counted = new CountedDebit(call, caller, amountNanos);
    const use = {
      kind: 'settled',
      tokens: counted.tokens,
      amountNanos: counted.amountNanos,
    } as const;
    await settling?.finish(use);
    if (outcome.isReplayed) return;
    const now = this.ports.clock.wallNow();
    if (outcome.kind === 'posted') this.correct(call, caller.virtualKeyId, outcome.takes, use);
    if (call.countLimits)
      this.limits.count(this.ports.policies.match(resolved.chain, call).limits, counted, now);
  }

  /** By the row of the reservation that the ledger has settled. */
  private correct({ reservation: name }: DebitCall, scope: string, takes: string, use: Use): void {
    if (takes === '' || name === undefined) return;
    this.reservations.correct({ scope, name }, takes, use);
  }

  private prepare(
    call: DebitCall,
    resolved: Known,
    reservation: DebitCall['reservation'],
  ): PreparedDebit {
    const now = this.ports.clock.wallNow();
    const { budgets } = this.ports.policies.match(resolved.chain, call);
    const caller = callerOf(resolved);
    const watched = this.ports.policies.periodLimits(budgets, now);
    const debit: Debit = {
      id: newId('debit', now, this.ports.random),
      scope: caller.virtualKeyId,
      idempotencyKey: call.idempotencyKey,
      bodyHash: sha256(debitBody(call, caller.virtualKeyId)),
      ...idsOf(caller),
      provider: call.provider,
      model: call.model,
      tokens: call.tokens,
      ...this.amountOf(call),
      postedTo: watched.map(({ key }) => key),
    };
    const item = { kind: 'debit', debit, reservation, watched } as const;
    return { item, budgets, now };
  }

  private amountOf(call: DebitCall): Pick<Debit, 'amountNanos' | 'priceId' | 'priceRevision'> {
    const { amountNanos, provider, model, tokens } = call;
    if (amountNanos !== undefined) return { amountNanos, priceId: '', priceRevision: 0 };
    const price = this.governance.price(provider, model);
    if (price === undefined) throw noPrice(provider, model);
    return {
      amountNanos: priceDebit(tokens, price),
      priceId: price.id,
      priceRevision: price.revision,
    };
  }

  private answer(
    { item, budgets, now }: PreparedDebit,
    outcome: LedgerAnswer | JournaledDebit,
  ): DebitAnswer {
    const { virtualKeyId } = item.debit;
    switch (outcome.kind) {
      case 'posted': {
        const { facts, isReplayed, isLate, overageNanos, balances, crossed } = outcome;
        return {
          facts,
          recordedAt: facts.recordedAt,
          replayed: isReplayed,
          late: isLate,
          overageNanos,
          verdicts: this.verdicts(budgets, balances, now),
          crossed,
          virtualKeyId,
          journaled: false,
        };
      }
      case 'journaled': {
        const { facts, isReplayed: replayed } = outcome;
        const unknown = { late: false, overageNanos: 0n, verdicts: [], crossed: [] };
        return { facts, recordedAt: now, replayed, ...unknown, virtualKeyId, journaled: true };
      }
      case 'conflict':
        throw keyReused();
      case 'out_of_range':
        throw balanceOverflow();
      case 'unknown':
        throw reservationNotFound();
      case 'ended':
        throw reservationEnded(outcome.reservation);
      case 'held':
      case 'denied':
      case 'released':
      case 'extended':
      case 'expired':
        throw new AssertionError(`the ledger answered a debit with ${outcome.kind}`);
    }
  }

  /** The ledger answers for the periods that were posted to; a budget deleted since has no verdict. */
  private verdicts(budgets: readonly Budget[], levels: readonly BudgetLevel[], now: WallMs) {
    const byId = new Map(budgets.map((budget) => [budget.id, budget]));
    const known = levels.flatMap((level) => {
      const budget = byId.get(level.key.budgetId);
      return budget === undefined ? [] : [{ budget, level }];
    });
    return this.ports.policies.budgetVerdicts(
      known.map(({ budget }) => budget),
      known.map(({ level }) => level),
      JUST_LOOKING,
      now,
    );
  }
}

type Known = Exclude<Resolved, { kind: 'unknown' }>;

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function noPrice(provider: string, model: string): DomainError {
  const message = `no price is known for model "${model}" of provider "${provider}"`;
  const description = 'send the amount, or create a price for this provider and model';
  return new DomainError('FAILED_PRECONDITION', message, {
    violations: [{ field: 'amount_nanos', description }],
  });
}

function keyReused(): DomainError {
  const message = 'this idempotency key was used with another body; nothing was posted';
  const description = 'was used for another debit; make a new key for each debit';
  return new DomainError('ALREADY_EXISTS', message, {
    violations: [{ field: 'idempotency_key', description }],
  });
}

function balanceOverflow(): DomainError {
  const message = 'the sum would leave the range of int64 nano-USD; nothing was posted';
  const description = 'is too large for the balance of a matching budget';
  return new DomainError('OUT_OF_RANGE', message, {
    violations: [{ field: 'amount_nanos', description }],
  });
}
