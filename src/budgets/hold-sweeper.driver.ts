import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { newId } from '../common/ids.js';
import { Log } from '../common/log.js';
import { Random } from '../common/random.js';
import { BudgetLedger, type DueHold } from './budget-ledger.js';
import type { Expire } from './core/ledger-item.js';
import { JournalDriver } from './journal/journal.driver.js';

/** A hold ends at most this long after its time, and what a group takes. */
const SWEEP_INTERVAL_MS = 1_000;

/** Holds of one sweep's group; more are due only after an outage, and are swept one group at a time. */
const SWEEP_SIZE_MAX = 500;

/**
 * Ends holds that nobody has settled, by their policies and by the ledger's clock. Every replica sweeps:
 * which of them comes first does not matter, since a hold ends once.
 */
@Injectable()
export class HoldSweeperDriver implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private sweeping: Promise<void> | undefined;
  private isStopped = false;

  constructor(
    private readonly ledger: BudgetLedger,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly log: Log,
    private readonly journal: JournalDriver,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.start(), SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearInterval(this.timer);
    await this.sweeping;
  }

  /**
   * A sweep that takes longer than the interval is not overtaken by the next one. None begins while debits
   * are journaled: one of them may settle a hold whose time is over.
   */
  private start(): void {
    if (!this.journal.isClear) return;
    this.sweeping ??= this.sweepLogged().finally(() => {
      this.sweeping = undefined;
    });
  }

  private async sweepLogged(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      this.log.warn(
        { error: String(error) },
        'Sweeping expired holds failed; next try in a second',
      );
    }
  }

  /** Ends all holds that are due. Resolves to how many this replica ended. */
  async sweep(): Promise<number> {
    let ended = 0;
    for (let found = SWEEP_SIZE_MAX; found === SWEEP_SIZE_MAX && !this.isStopped;) {
      const due = await this.ledger.dueHolds(SWEEP_SIZE_MAX);
      const answers = await this.ledger.decide(due.map((hold) => this.expire(hold)));
      ended += answers.filter((answer) => answer.kind === 'expired').length;
      found = due.length;
    }
    return ended;
  }

  private expire({ scope, reservationId }: DueHold): Expire {
    const entryId = newId('debit', this.clock.wallNow(), this.random);
    return { kind: 'expire', scope, reservationId, entryId, isForced: false };
  }
}
