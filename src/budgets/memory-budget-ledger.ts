import { Clock } from '../common/clock.js';
import { BudgetLedger } from './budget-ledger.js';
import { isInt64 } from './core/int64.js';
import { periodName } from './core/debit-group.js';
import type {
  Balance,
  Debit,
  DebitFacts,
  DebitOutcome,
  PeriodKey,
  Spend,
  SpendQuery,
} from './core/ledger-model.js';

interface Recorded {
  readonly debit: Debit;
  readonly facts: DebitFacts;
}

/** The ledger's twin: the same decisions, one debit after the other, in maps. For tests. */
export class MemoryBudgetLedger extends BudgetLedger {
  private readonly recorded = new Map<string, Recorded>();
  private readonly posted = new Map<string, bigint>();

  constructor(private readonly clock: Clock) {
    super();
  }

  postDebits(debits: readonly Debit[]): Promise<readonly DebitOutcome[]> {
    return Promise.resolve(debits.map((debit) => this.post(debit)));
  }

  private post(debit: Debit): DebitOutcome {
    const key = `${debit.scope}\n${debit.idempotencyKey}`;
    const earlier = this.recorded.get(key);
    if (earlier !== undefined) return this.repeat(earlier, debit);
    const sums = debit.postedTo.map(
      (period) => this.balance(period).postedNanos + debit.amountNanos,
    );
    if (!sums.every(isInt64)) return { kind: 'out_of_range' };
    debit.postedTo.forEach((period, i) => this.posted.set(periodName(period), sums[i] ?? 0n));
    const { id, amountNanos, priceId, priceRevision, postedTo } = debit;
    const recordedAt = this.clock.wallNow();
    const facts = { id, amountNanos, priceId, priceRevision, recordedAt, postedTo };
    this.recorded.set(key, { debit, facts });
    return { kind: 'posted', facts, balances: this.balances(postedTo) };
  }

  private repeat({ debit: { bodyHash }, facts }: Recorded, again: Debit): DebitOutcome {
    if (bodyHash !== again.bodyHash) return { kind: 'conflict' };
    return { kind: 'replayed', facts, balances: this.balances(facts.postedTo) };
  }

  readBalances(keys: readonly PeriodKey[]): Promise<readonly Balance[]> {
    return Promise.resolve(this.balances(keys));
  }

  private balances(keys: readonly PeriodKey[]): readonly Balance[] {
    return keys.map((key) => this.balance(key));
  }

  private balance(key: PeriodKey): Balance {
    return { key, postedNanos: this.posted.get(periodName(key)) ?? 0n, heldNanos: 0n };
  }

  sumSpend(query: SpendQuery): Promise<Spend> {
    const debits = [...this.recorded.values()].filter((entry) => isWanted(entry, query));
    const sum = (pick: (debit: Debit) => bigint): bigint =>
      debits.reduce((total, { debit }) => total + pick(debit), 0n);
    return Promise.resolve({
      debits: BigInt(debits.length),
      amountNanos: sum((debit) => debit.amountNanos),
      tokens: {
        input: sum((debit) => debit.tokens.input),
        cachedInput: sum((debit) => debit.tokens.cachedInput),
        output: sum((debit) => debit.tokens.output),
        reasoning: sum((debit) => debit.tokens.reasoning),
      },
    });
  }
}

function isWanted({ debit, facts }: Recorded, { owner, interval }: SpendQuery): boolean {
  const isIn =
    interval === undefined ||
    (facts.recordedAt >= interval.start && facts.recordedAt < interval.end);
  return isIn && isOwnedBy(debit, owner);
}

function isOwnedBy(debit: Debit, owner: SpendQuery['owner']): boolean {
  switch (owner.kind) {
    case 'root':
      return true;
    case 'customer':
      return debit.customerId === owner.id;
    case 'team':
      return debit.teamId === owner.id;
    case 'virtual_key':
      return debit.virtualKeyId === owner.id;
  }
}
