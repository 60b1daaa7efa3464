import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { present } from '../common/assert.js';
import { type Settled, settledValue } from '../common/settled.js';
import { WeirConfig } from '../config/weir-config.js';
import { BudgetLedger, type DueHold } from './budget-ledger.js';
import type { JournaledDebit } from './core/journal-entry.js';
import type {
  BudgetLevel,
  Extend,
  Hold,
  LedgerAnswer,
  LedgerItem,
  PostDebit,
  Release,
  ReservationFacts,
} from './core/ledger-item.js';
import type { PeriodKey, Spend, SpendQuery } from './core/ledger-model.js';
import { GroupCommitter } from './group-committer.js';
import { JournalDriver } from './journal/journal.driver.js';
import type { BeginSettle } from './journal/journaled-settle.js';
import type { SettledListener } from './journal/ledger-replay.js';

/** So many full groups may wait: at the rate of a busy database, about a second's worth. */
const WAITING_GROUPS_MAX = 20;

export type DebitOutcome = Settled<LedgerAnswer | JournaledDebit>;

export interface OutsideEnds {
  readonly journaling: BeginSettle;
  readonly replayed: SettledListener;
  readonly forceReleased: (ended: ReservationFacts) => void;
  /** Ends one that holds no money, and is in no ledger. Undefined: nobody keeps it. */
  readonly forceRelease: (id: string) => Promise<ReservationFacts | undefined>;
}

/** The ledger for other modules: callers' single questions, asked and answered in groups. */
@Injectable()
export class BudgetsService implements OnApplicationShutdown {
  private readonly items: GroupCommitter<LedgerItem, LedgerAnswer>;
  private readonly reads: GroupCommitter<readonly PeriodKey[], readonly BudgetLevel[]>;

  private forceReleased: OutsideEnds['forceReleased'] = () => undefined;
  private forceReleaseLimits: OutsideEnds['forceRelease'] = () => Promise.resolve(undefined);

  constructor(
    private readonly ledger: BudgetLedger,
    private readonly journal: JournalDriver,
    config: WeirConfig,
  ) {
    const { groupSizeMax } = config.debits;
    const options = { groupSizeMax, queueMax: groupSizeMax * WAITING_GROUPS_MAX, flushesMax: 1 };
    this.items = new GroupCommitter((items) => ledger.decide(items), options);
    this.reads = new GroupCommitter((items) => this.readTogether(items), options);
  }

  /**
   * Records what was spent, and settles a reservation if one is named. Durable when it answers: in the
   * ledger, or in the journal while the ledger is away.
   */
  async debit(item: PostDebit): Promise<LedgerAnswer | JournaledDebit> {
    const [outcome] = await this.debitAll([item]);
    return settledValue(present(outcome, 'each debit has an outcome'));
  }

  /** The same for debits that came together, in order; each has an outcome of its own. Never rejects. */
  debitAll(items: readonly PostDebit[]): Promise<readonly DebitOutcome[]> {
    return this.journal.post(items, () => this.items.submitAll(items));
  }

  /** Sets money aside, releases it, or adds to it. Durable when it answers. */
  reserve(item: Hold | Release | Extend): Promise<LedgerAnswer> {
    return this.items.submit(item);
  }

  /** Who corrects what limits took for reservations that end outside of a call of their gateway. */
  tellLimits({ journaling, replayed, forceReleased, forceRelease }: OutsideEnds): void {
    this.journal.onJournal(journaling);
    this.journal.onSettled(replayed);
    this.forceReleased = forceReleased;
    this.forceReleaseLimits = forceRelease;
  }

  /** Ends a hold at once, whatever its policy and its time say; nothing is charged. */
  async forceRelease({ scope, reservationId }: DueHold): Promise<LedgerAnswer> {
    const charge = { entryId: '', isForced: true };
    const answer = await this.items.submit({ kind: 'expire', scope, reservationId, ...charge });
    if (answer.kind === 'expired') this.forceReleased(answer.reservation);
    return answer;
  }

  /** The same for one that holds no money; how it stands then. Undefined: it is not known as one. */
  forceReleaseOfLimits(reservationId: string): Promise<ReservationFacts | undefined> {
    return this.forceReleaseLimits(reservationId);
  }

  /** How periods stand, for those who only look. */
  levels(keys: readonly PeriodKey[]): Promise<readonly BudgetLevel[]> {
    return keys.length === 0 ? Promise.resolve([]) : this.reads.submit(keys);
  }

  spend(query: SpendQuery): Promise<Spend> {
    return this.ledger.sumSpend(query);
  }

  /** The servers have closed and the database has not: calls that were cut off are still posted. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.items.close(), this.reads.close()]);
    await this.journal.close();
  }

  private async readTogether(
    questions: readonly (readonly PeriodKey[])[],
  ): Promise<readonly (readonly BudgetLevel[])[]> {
    const levels = await this.ledger.readLevels(questions.flat());
    let from = 0;
    return questions.map((keys) => levels.slice(from, (from += keys.length)));
  }
}
