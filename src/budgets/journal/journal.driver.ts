import { Injectable, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { present } from '../../common/assert.js';
import { DomainError } from '../../common/domain-error.js';
import { allRejected, type Settled, settledValue } from '../../common/settled.js';
import { WeirConfig } from '../../config/weir-config.js';
import { BudgetLedger } from '../budget-ledger.js';
import type { JournalAnswer, JournalEntry, JournalState } from '../core/journal-entry.js';
import type { PostDebit } from '../core/ledger-item.js';
import { GroupCommitter } from '../group-committer.js';
import { DeadLetters } from './dead-letters.js';
import { type AppendAnswer, DebitJournal } from './debit-journal.js';
import { Gate } from './gate.js';
import { InFlight } from './in-flight.js';
import { JournalPorts } from './journal-ports.js';
import type { BeginSettle, JournaledSettle } from './journaled-settle.js';
import { replayEntries, type SettledListener } from './ledger-replay.js';
import { Patience } from './patience.js';
import { within } from '../../storage/within.js';

/** Between two tries to reach the ledger: the first ones soon, since most outages are short. */
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 1_000;

/** Waiting for the disk, or for the last group of a replay. */
const WAITING_GROUPS_MAX = 20;

/**
 * Keeps debits moving while the ledger is away. In the clear, they go to it directly. From the first one
 * that it does not take, all go to the journal, and from there to the ledger in their order, until the
 * journal is empty again.
 *
 * With debits always arriving it would never be empty: so once no more than one group is left and the
 * ledger answers, new ones wait in memory for that group, and then go directly.
 */
@Injectable()
export class JournalDriver implements OnModuleInit, OnApplicationBootstrap {
  private readonly appends: GroupCommitter<JournalEntry, AppendAnswer>;
  private readonly gate: Gate;
  private readonly patience: Patience;
  private readonly posts = new InFlight();
  private readonly records = new InFlight();
  /** Whether debits go to the ledger directly. */
  private isInTheClear = false;
  /** The last that was heard of the ledger was that it is not there. */
  private isLedgerAway = false;
  /** The ledger has answered since the last failure, so waiting for it is short. */
  private isLedgerAnswering = false;
  private deadLettersFound = 0;
  private replaying: Promise<void> | undefined;
  private isStopped = false;
  private settled: SettledListener = () => undefined;
  private beginSettle: BeginSettle = () => Promise.resolve(undefined);
  private wake: () => void = () => undefined;

  constructor(
    private readonly journal: DebitJournal,
    private readonly ledger: BudgetLedger,
    private readonly deadLetters: DeadLetters,
    private readonly ports: JournalPorts,
    private readonly config: WeirConfig,
  ) {
    const { groupSizeMax } = config.debits;
    const queueMax = groupSizeMax * WAITING_GROUPS_MAX;
    this.gate = new Gate(queueMax);
    this.patience = new Patience(config.journal.ledgerMaxWaitMs, SILENT_LEDGER);
    this.appends = new GroupCommitter((entries) => journal.append(entries), {
      groupSizeMax,
      queueMax,
      flushesMax: 1,
    });
  }

  /** Nothing is journaled: holds that have expired may be swept, and debits are answered in full. */
  get isClear(): boolean {
    return this.isInTheClear;
  }

  /**
   * Whom to tell of replayed debits that have settled reservations, and of which nobody knew what limits
   * took but the ledger; not told again of a debit that the ledger had before.
   */
  onSettled(listener: SettledListener): void {
    this.settled = listener;
  }

  /** Who corrects, before the replay, what limits took for a debit that is journaled. */
  onJournal(begin: BeginSettle): void {
    this.beginSettle = begin;
  }

  state(): JournalState {
    return {
      records: this.journal.records,
      bytes: this.journal.bytes,
      oldestAgeMs: this.journal.oldestAgeMs(),
      isFull: this.journal.isFull,
      isReplaying: !this.isInTheClear && this.isLedgerAnswering,
      setAside: this.journal.setAside,
      deadLetters: this.deadLettersFound,
    };
  }

  async onModuleInit(): Promise<void> {
    await this.journal.open();
    const { records, bytes } = this.journal;
    if (records > 0) this.ports.log.warn({ records, bytes }, 'Debits were left in the journal');
  }

  /** Nothing left behind: in the clear before the servers listen. */
  async onApplicationBootstrap(): Promise<void> {
    if (this.journal.isEmpty) await this.step();
    if (!this.isInTheClear) this.startReplay();
  }

  /**
   * Posts debits that came together by `direct`, or journals those that the ledger does not take, and all of them
   * if it is away or others are before them. Never rejects: each is settled by itself, with `UNAVAILABLE` if neither
   * takes it, and with whatever else `direct` says of it.
   */
  async post<T>(
    items: readonly PostDebit[],
    direct: () => Promise<Outcomes<T>>,
  ): Promise<Outcomes<T | JournalAnswer>> {
    this.posts.begin();
    try {
      const passage = this.gate.pass(items.length);
      if (passage !== undefined) await passage;
      if (!this.isInTheClear) return await this.recordAll(items);
      return await this.postDirectly(items, direct);
    } catch (reason) {
      return allRejected(items, reason);
    } finally {
      this.posts.end();
    }
  }

  private async postDirectly<T>(
    items: readonly PostDebit[],
    direct: () => Promise<Outcomes<T>>,
  ): Promise<Outcomes<T | JournalAnswer>> {
    const outcomes = await this.ledgerOutcomes(items, direct());
    const lost = outcomes.find(isLost);
    if (lost === undefined) return outcomes;
    this.loseLedger(lost.reason);
    return Promise.allSettled(
      items.map(async (item, i) => {
        const outcome = present(outcomes[i], 'each item has an outcome');
        return isLost(outcome) ? this.record(item) : settledValue(outcome);
      }),
    );
  }

  /** Of a ledger that stays silent nothing is known of any of them. */
  private async ledgerOutcomes<T>(
    items: readonly PostDebit[],
    outcomes: Promise<Outcomes<T>>,
  ): Promise<Outcomes<T>> {
    try {
      return await this.patience.wait(outcomes);
    } catch (reason) {
      return allRejected(items, reason);
    }
  }

  /** After the last call; what is journaled stays for the next start. */
  async close(): Promise<void> {
    this.isStopped = true;
    this.wake();
    this.gate.open();
    await this.posts.idle();
    await this.appends.close();
    await this.replaying;
    await this.journal.close();
  }

  private recordAll(items: readonly PostDebit[]): Promise<Outcomes<JournalAnswer>> {
    return Promise.allSettled(items.map((item) => this.record(item)));
  }

  /** Counted as under way from the first: a replay that ends meanwhile would leave the record behind. */
  private async record(item: PostDebit): Promise<JournalAnswer> {
    this.records.begin();
    try {
      const settle = item.reservation === undefined ? undefined : await this.beginSettle(item);
      return await this.append(item, settle);
    } finally {
      this.records.end();
    }
  }

  private async append(
    item: PostDebit,
    settle: JournaledSettle | undefined,
  ): Promise<JournalAnswer> {
    const areLimitsCorrected = settle !== undefined;
    const entry = { item, journaledAt: this.ports.clock.wallNow(), areLimitsCorrected };
    try {
      const answer = await this.write(entry);
      if (answer.kind === 'journaled' && !answer.isReplayed) await settle?.finish();
      else settle?.abandon();
      return answer;
    } catch (error) {
      settle?.abandon();
      throw error;
    }
  }

  private async write(entry: JournalEntry): Promise<JournalAnswer> {
    const { fsyncMaxWaitMs } = this.config.journal;
    const append = this.records.run(() => this.appends.submit(entry));
    const answer = await within(append, fsyncMaxWaitMs, SILENT_DISK);
    if (answer.kind === 'refused') throw answer.error;
    return answer;
  }

  private loseLedger(error: DomainError): void {
    if (this.isInTheClear)
      this.ports.log.warn({ error: error.message }, 'The ledger is away; debits are journaled');
    this.isInTheClear = false;
    this.isLedgerAway = true;
    this.isLedgerAnswering = false;
    this.startReplay();
  }

  private startReplay(): void {
    if (this.isStopped) return;
    this.replaying ??= this.replay().finally(() => {
      this.replaying = undefined;
      if (!this.isInTheClear) this.startReplay();
    });
  }

  private async replay(): Promise<void> {
    for (let retryMs = RETRY_MS_MIN; !this.isStopped && !this.isInTheClear;) {
      try {
        await this.step();
        retryMs = RETRY_MS_MIN;
      } catch (error) {
        this.giveUpForNow(error);
        await this.pause(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
  }

  /** One group, or the way into the clear if there is none. */
  private async step(): Promise<void> {
    const { groupSizeMax } = this.config.debits;
    await this.journal.lookForRoom();
    if (this.isLedgerAnswering && this.journal.records <= groupSizeMax) this.gate.shut();
    const records = await this.journal.next(groupSizeMax);
    if (records.length > 0) {
      await this.replayGroup(records.map(({ entry }) => entry));
      await this.journal.takeOut(records);
    } else if (this.isLedgerAway && !this.isLedgerAnswering) {
      await this.patiently(this.ledger.dueHolds(1));
    } else if (this.records.count > 0) {
      return this.records.idle();
    } else if (this.journal.isEmpty) {
      return this.enterTheClear();
    }
    this.isLedgerAnswering = true;
  }

  private async replayGroup(entries: readonly JournalEntry[]): Promise<void> {
    const refusals = await this.patiently(replayEntries(this.ledger, entries, this.settled));
    if (refusals.length === 0) return;
    await this.patiently(this.deadLetters.add(refusals));
    this.deadLettersFound += refusals.length;
    for (const { entry, reason } of refusals)
      this.ports.log.error(
        { debit: entry.item.debit.id, scope: entry.item.debit.scope, reason },
        'The ledger does not take a journaled debit; it is among the dead letters',
      );
  }

  private patiently<T>(work: Promise<T>): Promise<T> {
    return this.patience.wait(work);
  }

  private enterTheClear(): void {
    if (this.isLedgerAway) this.ports.log.info({}, 'The ledger has all that was journaled');
    this.isLedgerAway = false;
    this.isInTheClear = true;
    this.gate.open();
  }

  private giveUpForNow(error: unknown): void {
    if (!isUnavailable(error))
      this.ports.log.error({ error: String(error) }, 'Replaying the journal failed; it goes on');
    this.isLedgerAway = true;
    this.isLedgerAnswering = false;
    this.gate.open();
  }

  /** Ends early when the replica stops. */
  private pause(forMs: number): Promise<void> {
    if (this.isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, forMs);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const SILENT_LEDGER = 'the database does not answer';
const SILENT_DISK = 'the database cannot be reached and the disk of the journal does not answer';

type Outcomes<T> = readonly Settled<T>[];

const isLost = (
  outcome: Settled<unknown>,
): outcome is { status: 'rejected'; reason: DomainError } =>
  outcome.status === 'rejected' && isUnavailable(outcome.reason);

const isUnavailable = (error: unknown): error is DomainError =>
  error instanceof DomainError && error.code === 'UNAVAILABLE';
