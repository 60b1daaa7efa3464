import { Clock } from '../common/clock.js';
import { type AuditFault, BudgetLedger, type DueHold } from './budget-ledger.js';
import type { BudgetLevel, LedgerAnswer, LedgerItem } from './core/ledger-item.js';
import { LedgerMachine } from './core/ledger-machine.js';
import type { PeriodKey, Spend, SpendQuery } from './core/ledger-model.js';
import type { Entry } from './core/settlement.js';

/** The ledger's twin: the same decisions, a group at one time, in maps. For tests. */
export class MemoryBudgetLedger extends BudgetLedger {
  readonly machine = new LedgerMachine();

  constructor(private readonly clock: Clock) {
    super();
  }

  decide(items: readonly LedgerItem[]): Promise<readonly LedgerAnswer[]> {
    const now = this.clock.wallNow();
    return Promise.resolve(items.map((item) => this.machine.decide(item, now)));
  }

  readLevels(keys: readonly PeriodKey[]): Promise<readonly BudgetLevel[]> {
    const now = this.clock.wallNow();
    return Promise.resolve(keys.map((key) => this.machine.level(key, now)));
  }

  dueHolds(most: number): Promise<readonly DueHold[]> {
    const due = this.machine.due(this.clock.wallNow()).slice(0, most);
    return Promise.resolve(due.map(({ scope, id }) => ({ scope, reservationId: id })));
  }

  audit(): Promise<readonly AuditFault[]> {
    return Promise.resolve(this.machine.faults().map((description) => ({ description })));
  }

  sumSpend(query: SpendQuery): Promise<Spend> {
    const entries = this.machine.allEntries().filter((entry) => isWanted(entry, query));
    const sum = (pick: (entry: Entry) => bigint): bigint =>
      entries.reduce((total, entry) => total + pick(entry), 0n);
    return Promise.resolve({
      debits: sum(({ debit }) => (debit === undefined ? 0n : 1n)),
      amountNanos: sum(({ amountNanos }) => amountNanos),
      tokens: {
        input: sum(({ debit }) => debit?.tokens.input ?? 0n),
        cachedInput: sum(({ debit }) => debit?.tokens.cachedInput ?? 0n),
        output: sum(({ debit }) => debit?.tokens.output ?? 0n),
        reasoning: sum(({ debit }) => debit?.tokens.reasoning ?? 0n),
      },
    });
  }
}

function isWanted({ call, facts }: Entry, { owner, interval }: SpendQuery): boolean {
  const isIn =
    interval === undefined ||
    (facts.recordedAt >= interval.start && facts.recordedAt < interval.end);
  if (!isIn) return false;
  switch (owner.kind) {
    case 'root':
      return true;
    case 'customer':
      return call.customerId === owner.id;
    case 'team':
      return call.teamId === owner.id;
    case 'virtual_key':
      return call.virtualKeyId === owner.id;
  }
}
