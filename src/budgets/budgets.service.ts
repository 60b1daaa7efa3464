import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { WeirConfig } from '../config/weir-config.js';
import { BudgetLedger } from './budget-ledger.js';
import type { JournaledDebit } from './core/journal-entry.js';
import type { LedgerAnswer, LedgerItem, PostDebit } from './core/ledger-item.js';
import type {
  Balance,
  Debit,
  DebitOutcome,
  PeriodKey,
  Spend,
  SpendQuery,
} from './core/ledger-model.js';
import { GroupCommitter } from './group-committer.js';
import { JournalDriver } from './journal/journal.driver.js';

/** So many full groups may wait: at the rate of a busy database, about a second's worth. */
const WAITING_GROUPS_MAX = 20;

/** Debits and balances for other modules: callers' single questions, asked of the ledger in groups. */
@Injectable()
export class BudgetsService implements OnApplicationShutdown {
  private readonly debits: GroupCommitter<Debit, DebitOutcome>;
  private readonly items: GroupCommitter<LedgerItem, LedgerAnswer>;
  private readonly reads: GroupCommitter<readonly PeriodKey[], readonly Balance[]>;

  constructor(
    private readonly ledger: BudgetLedger,
    private readonly journal: JournalDriver,
    config: WeirConfig,
  ) {
    const { groupSizeMax } = config.debits;
    const options = { groupSizeMax, queueMax: groupSizeMax * WAITING_GROUPS_MAX, flushesMax: 1 };
    this.debits = new GroupCommitter((items) => ledger.postDebits(items), options);
    this.items = new GroupCommitter((items) => ledger.decide(items), options);
    this.reads = new GroupCommitter((items) => this.readTogether(items), options);
  }

  /** Durable when it answers: in the ledger, or in the journal while the ledger is away. */
  debit(debit: Debit): Promise<DebitOutcome | JournaledDebit> {
    const item = { kind: 'debit', debit, reservation: undefined, watched: [] } as const;
    return this.journal.post(item, () => this.debits.submit(debit));
  }

  /** A debit that settles a reservation, or whose thresholds are watched; durable as the others. */
  settle(item: PostDebit): Promise<LedgerAnswer | JournaledDebit> {
    return this.journal.post(item, () => this.items.submit(item));
  }

  /** Debits in order, each atomic by itself; they share a commit with each other and with others. */
  debitMany(debits: readonly Debit[]): Promise<readonly (DebitOutcome | JournaledDebit)[]> {
    return Promise.all(debits.map((debit) => this.debit(debit)));
  }

  /** Holds, settles, releases and extends; durable when it answers. */
  decide(item: LedgerItem): Promise<LedgerAnswer> {
    return this.items.submit(item);
  }

  balances(keys: readonly PeriodKey[]): Promise<readonly Balance[]> {
    return keys.length === 0 ? Promise.resolve([]) : this.reads.submit(keys);
  }

  spend(query: SpendQuery): Promise<Spend> {
    return this.ledger.sumSpend(query);
  }

  /** The servers have closed and the database has not: calls that were cut off are still posted. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.debits.close(), this.items.close(), this.reads.close()]);
    await this.journal.close();
  }

  private async readTogether(
    questions: readonly (readonly PeriodKey[])[],
  ): Promise<readonly (readonly Balance[])[]> {
    const balances = await this.ledger.readBalances(questions.flat());
    let from = 0;
    return questions.map((keys) => balances.slice(from, (from += keys.length)));
  }
}
