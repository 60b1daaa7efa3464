/**
 * The promises of the ledger, read from what it answers, by code that shares nothing with the ledger or its
 * model. I2, the sums, is what the model's books and the audit prove.
 *
 *   I1 a hold that is new leaves posted + held within the limit of each enforced budget
 *   I3 a key has one effect: whoever uses it again gets the facts of the first time, or a conflict
 *   I4 a debit is never refused for lack of budget
 *   I5 a hold ends once: what was settled, released or charged is never held again
 *   I6 a settled hold is posted to the periods in which it was held, where the debit names their budgets
 */
import type { LedgerAnswer, LedgerItem } from '../../src/budgets/core/ledger-item.js';

type Held = Extract<LedgerAnswer, { kind: 'held' }>;
type Posted = Extract<LedgerAnswer, { kind: 'posted' }>;
type HoldItem = Extract<LedgerItem, { kind: 'hold' }>;
type DebitItem = Extract<LedgerItem, { kind: 'debit' }>;

export class LedgerInvariants {
  private readonly debits = new Map<string, string>();
  private readonly holds = new Map<string, readonly string[]>();
  private readonly ended = new Set<string>();

  /** What the answers to a group break; empty if nothing. A group of one shows its own balances. */
  broken(items: readonly LedgerItem[], answers: readonly LedgerAnswer[]): readonly string[] {
    return items.flatMap((item, i) => {
      const answer = answers[i];
      return answer === undefined ? ['no answer'] : this.one(item, answer, items.length === 1);
    });
  }

  private one(item: LedgerItem, answer: LedgerAnswer, isAlone: boolean): readonly string[] {
    if (answer.kind === 'held' && item.kind === 'hold') return this.held(item, answer, isAlone);
    if (answer.kind === 'posted' && item.kind === 'debit') return this.posted(item, answer);
    if (item.kind === 'debit' && answer.kind === 'denied') return ['I4: a debit was denied'];
    if (answer.kind === 'released') this.ended.add(answer.reservation.id);
    return [];
  }

  private held({ budgets }: HoldItem, answer: Held, isAlone: boolean): readonly string[] {
    const { id, heldIn, state } = answer.reservation;
    if (answer.isReplayed) return [];
    const faults = this.ended.has(id) || this.holds.has(id) ? [`I5: ${id} is held again`] : [];
    if (state !== 'held') faults.push(`I5: ${id} is new and ${state}`);
    this.holds.set(id, heldIn.map(periodText));
    if (!isAlone) return faults;
    for (const [i, { isEnforced, limitNanos }] of budgets.entries()) {
      const level = answer.levels[i];
      if (!isEnforced || level === undefined) continue;
      const { postedNanos, heldNanos, extraNanos } = level;
      if (postedNanos + heldNanos > limitNanos + extraNanos)
        faults.push(`I1: ${postedNanos} + ${heldNanos} > ${limitNanos} + ${extraNanos}`);
    }
    return faults;
  }

  private posted({ debit, reservation }: DebitItem, answer: Posted): readonly string[] {
    const key = JSON.stringify([debit.scope, debit.idempotencyKey]);
    const { facts, isReplayed } = answer;
    const told = JSON.stringify(facts, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    const first = this.debits.get(key);
    if (isReplayed && first !== told) return [`I3: ${key} was told otherwise`];
    if (!isReplayed && first !== undefined) return [`I3: ${key} was posted twice`];
    this.debits.set(key, told);
    if (isReplayed || reservation?.kind !== 'id') return [];
    return this.settled(reservation.id, facts.postedTo.map(periodText));
  }

  private settled(id: string, postedTo: readonly string[]): readonly string[] {
    const heldIn = this.holds.get(id);
    if (heldIn === undefined || this.ended.has(id)) return [];
    this.ended.add(id);
    const budgetOf = (period: string): string => period.slice(0, period.indexOf(' '));
    return postedTo
      .filter((period) => heldIn.some((held) => budgetOf(held) === budgetOf(period)))
      .filter((period) => !heldIn.includes(period))
      .map((period) => `I6: ${id} was held in ${heldIn.join()} and posted to ${period}`);
  }
}

const periodText = ({
  budgetId,
  period,
}: {
  readonly budgetId: string;
  readonly period: { readonly start: number };
}): string => `${budgetId} ${period.start}`;
