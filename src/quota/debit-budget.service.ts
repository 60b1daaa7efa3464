import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { PeriodLimit } from '../budgets/core/ledger-item.js';
import type { Debit } from '../budgets/core/ledger-model.js';
import { priceDebit } from '../budgets/core/price-debit.js';
import { present } from '../common/assert.js';
import { DomainError } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import { type Settled, settledValue } from '../common/settled.js';
import type { WallMs } from '../common/time.js';
import { GovernanceService, type Resolved } from '../governance/governance.service.js';
import { settleAll } from './batch.js';
import { bodyHash } from './body-hash.js';
import { type Caller, callerOf } from './call-admission.js';
import { debitBody } from './core/call-body.js';
import { type DebitCall, keyNotFound } from './core/calls.js';
import { countOf } from './core/counts.js';
import { CountedDebit, usedTokens } from './counted-call.js';
import {
  type AskedDebit,
  type DebitAnswer,
  debitAnswer,
  type Posted,
  type Recorded,
  requireRecorded,
} from './debit-answer.js';
import { LimitTakes } from './limit-takes.js';
import { QuotaPorts } from './quota-ports.js';
import { RoamingReservations, type Settled as SettledUse } from './roaming-reservations.js';

/** A debit whose key is known and whose amount is settled. */
interface PreparedDebit extends AskedDebit {
  readonly call: DebitCall;
  readonly resolved: Known;
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

  /**
   * In order, and in as few commits as possible: all are handed over before the first is waited for. Those that
   * settle nothing share one promise, since what each of thousands keeps through a commit is what
   * the collector has to carry (ADR 0139).
   */
  async debitMany(calls: readonly DebitCall[]): Promise<readonly Settled<DebitAnswer>[]> {
    const subjects = await settleAll(calls, (call) => this.governance.resolve(call.subject));
    const plain: PreparedDebit[] = [];
    const begun = settleAll<DebitCall, DebitAnswer | number>(calls, (call, i) => {
      const subject = settledValue(present(subjects[i], 'each key was looked up'));
      if (call.reservation !== undefined) return this.post(call, subject);
      return plain.push(this.prepare(call, requireKnown(call, subject), undefined)) - 1;
    });
    const posted = await this.postPlain(plain);
    return (await begun).map((outcome) => answered(outcome, posted));
  }

  private async postPlain(
    debits: readonly PreparedDebit[],
  ): Promise<readonly Settled<DebitAnswer>[]> {
    if (debits.length === 0) return [];
    const outcomes = await this.budgets.debitAll(debits.map(({ item }) => item));
    return settleAll(debits, (prepared, i) => {
      const outcome = settledValue(present(outcomes[i], 'each debit has an outcome'));
      const recorded = requireRecorded(outcome);
      const answer = debitAnswer(prepared, recorded, this.ports.policies);
      this.count(prepared, recorded);
      return answer;
    });
  }

  private async post(call: DebitCall, subject: Resolved): Promise<DebitAnswer> {
    const resolved = requireKnown(call, subject);
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
      const recorded = requireRecorded(outcome);
      const answer = debitAnswer(prepared, recorded, this.ports.policies);
      await settling?.finish(useOf(call, recorded));
      this.count(prepared, recorded);
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
  private count(prepared: PreparedDebit, recorded: Recorded): void {
    if (recorded.isReplayed) return;
    if (recorded.kind === 'posted') this.correct(prepared, recorded);
    if (prepared.call.countLimits) this.countLimits(prepared, recorded);
  }

  /** By the row of the reservation that the ledger has settled. */
  private correct({ call, item }: PreparedDebit, recorded: Posted): void {
    const { reservation: name } = call;
    if (recorded.takes === '' || name === undefined) return;
    const whose = { scope: item.debit.scope, name };
    this.reservations.correct(whose, recorded.takes, useOf(call, recorded));
  }

  private countLimits({ call, resolved }: PreparedDebit, { facts }: Recorded): void {
    const { limits } = this.ports.policies.match(resolved.chain, call);
    const counted = new CountedDebit(call, callerOf(resolved), facts.amountNanos);
    this.limits.count(limits, counted, this.ports.clock.wallNow());
  }

  private prepare(
    call: DebitCall,
    resolved: Known,
    reservation: DebitCall['reservation'],
  ): PreparedDebit {
    const now = this.ports.clock.wallNow();
    const { budgets } = this.ports.policies.match(resolved.chain, call);
    const watched = this.ports.policies.periodLimits(budgets, now);
    const debit = this.debitOf(call, callerOf(resolved), watched, now);
    const item = { kind: 'debit', debit, reservation, watched } as const;
    return { call, resolved, item, budgets, now };
  }

  /** Field by field, since it is kept through a commit: what is spread becomes larger. */
  private debitOf(
    call: DebitCall,
    { virtualKeyId, teamId, customerId }: Caller,
    watched: readonly PeriodLimit[],
    now: WallMs,
  ): Debit {
    const { amountNanos, priceId, priceRevision } = this.amountOf(call);
    return {
      id: newId('debit', now, this.ports.random),
      scope: virtualKeyId,
      idempotencyKey: call.idempotencyKey,
      bodyHash: bodyHash(debitBody(call, virtualKeyId)),
      virtualKeyId,
      teamId,
      customerId,
      provider: call.provider,
      model: call.model,
      amountNanos,
      tokens: call.tokens,
      priceId,
      priceRevision,
      postedTo: watched.map(({ key }) => key),
    };
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
}

type Known = Exclude<Resolved, { kind: 'unknown' }>;

/** @throws DomainError `NOT_FOUND` */
function requireKnown({ subject }: DebitCall, resolved: Resolved): Known {
  if (resolved.kind !== 'unknown') return resolved;
  throw keyNotFound(subject.kind === 'key' ? subject.keyId : undefined);
}

/** What was begun by itself, or by its number among those that were posted together. */
function answered(
  begun: Settled<DebitAnswer | number>,
  posted: readonly Settled<DebitAnswer>[],
): Settled<DebitAnswer> {
  if (begun.status === 'rejected') return begun;
  const { value } = begun;
  if (typeof value !== 'number') return { status: 'fulfilled', value };
  return present(posted[value], 'each was posted');
}

const useOf = ({ tokens }: DebitCall, { facts }: Recorded): SettledUse => ({
  kind: 'settled',
  tokens: usedTokens(tokens),
  amountNanos: countOf(facts.amountNanos),
});

function noPrice(provider: string, model: string): DomainError {
  const message = `no price is known for model "${model}" of provider "${provider}"`;
  const description = 'send the amount, or create a price for this provider and model';
  return new DomainError('FAILED_PRECONDITION', message, {
    violations: [{ field: 'amount_nanos', description }],
  });
}
