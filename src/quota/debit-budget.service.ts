import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { JournaledDebit } from '../budgets/core/journal-entry.js';
import type { Balance, Debit, DebitFacts, DebitOutcome } from '../budgets/core/ledger-model.js';
import { priceDebit } from '../budgets/core/price-debit.js';
import { DomainError } from '../common/domain-error.js';
import { newId } from '../common/ids.js';
import type { WallMs } from '../common/time.js';
import { CounterEngine } from '../counters/counter-engine.js';
import type { Budget } from '../governance/core/model.js';
import { GovernanceService, type Resolved } from '../governance/governance.service.js';
import { type DebitCall, keyNotFound } from './core/calls.js';
import { debitBody } from './core/debit-body.js';
import type { PolicyVerdict } from './core/decision.js';
import { MatchedPolicies } from './matched-policies.js';
import { QuotaPorts } from './quota-ports.js';

export interface DebitAnswer {
  readonly facts: DebitFacts;
  readonly replayed: boolean;
  readonly verdicts: readonly PolicyVerdict[];
  readonly virtualKeyId: string;
}

/** A debit whose key is known and whose amount is settled. */
interface PreparedDebit {
  readonly debit: Debit;
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
    private readonly counters: CounterEngine,
    private readonly policies: MatchedPolicies,
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
  async debitMany(
    calls: readonly DebitCall[],
  ): Promise<readonly PromiseSettledResult<DebitAnswer>[]> {
    const subjects = await Promise.allSettled(
      calls.map(async (call) => ({ call, resolved: await this.governance.resolve(call.subject) })),
    );
    return Promise.allSettled(
      subjects.map(async (settled) => {
        if (settled.status === 'rejected') throw settled.reason;
        return this.post(settled.value.call, settled.value.resolved);
      }),
    );
  }

  private async post(call: DebitCall, resolved: Resolved): Promise<DebitAnswer> {
    if (resolved.kind === 'unknown')
      throw keyNotFound(call.subject.kind === 'key' ? call.subject.keyId : undefined);
    const prepared = this.prepare(call, resolved);
    const outcome = await this.budgets.debit(prepared.debit);
    if (outcome.kind === 'posted' && call.countLimits) this.countLimits(call, resolved);
    return this.answer(prepared, outcome);
  }

  private prepare(call: DebitCall, resolved: Known): PreparedDebit {
    const now = this.ports.clock.wallNow();
    const { budgets } = this.governance.match(resolved.chain, call);
    const key = resolved.kind === 'found' ? resolved.key : undefined;
    const debit: Debit = {
      id: newId('debit', now, this.ports.random),
      scope: key?.id ?? '',
      idempotencyKey: call.idempotencyKey,
      bodyHash: sha256(debitBody(call, key?.id ?? '')),
      virtualKeyId: key?.id ?? '',
      teamId: key?.teamId ?? '',
      customerId: key?.customerId ?? '',
      provider: call.provider,
      model: call.model,
      tokens: call.tokens,
      ...this.amountOf(call),
      postedTo: this.policies.periodKeys(budgets, now),
    };
    return { debit, budgets, now };
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

  private countLimits(call: DebitCall, resolved: Known): void {
    const { limits } = this.governance.match(resolved.chain, call);
    this.counters.add(this.policies.demands(limits, 1), this.ports.clock.wallNow());
  }

  private answer(
    { debit, budgets, now }: PreparedDebit,
    outcome: DebitOutcome | JournaledDebit,
  ): DebitAnswer {
    switch (outcome.kind) {
      case 'posted':
      case 'replayed': {
        const { facts, balances } = outcome;
        const replayed = outcome.kind === 'replayed';
        const verdicts = this.verdicts(budgets, balances, now);
        return { facts, replayed, verdicts, virtualKeyId: debit.virtualKeyId };
      }
      case 'journaled': {
        const facts = { ...outcome.facts, recordedAt: now, postedTo: [] };
        const { virtualKeyId } = debit;
        return { facts, replayed: outcome.isReplayed, verdicts: [], virtualKeyId };
      }
      case 'conflict':
        throw keyReused();
      case 'out_of_range':
        throw balanceOverflow();
    }
  }

  /** The ledger answers for the periods that were posted to; a budget deleted since has no verdict. */
  private verdicts(budgets: readonly Budget[], balances: readonly Balance[], now: WallMs) {
    const byId = new Map(budgets.map((budget) => [budget.id, budget]));
    const known = balances.flatMap((balance) => {
      const budget = byId.get(balance.key.budgetId);
      return budget === undefined ? [] : [{ budget, balance }];
    });
    return this.policies.budgetVerdicts(
      known.map(({ budget }) => budget),
      known.map(({ balance }) => balance),
      0n,
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
