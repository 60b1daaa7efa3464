import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Debit } from '../budgets/core/ledger-model.js';
import { JournalDriver } from '../budgets/journal/journal.driver.js';
import { Clock } from '../common/clock.js';
import { countOf } from './core/counts.js';
import { readTakes } from './core/takes.js';
import { usedTokens } from './counted-call.js';
import { LimitTakes } from './limit-takes.js';

/**
 * Corrects what limits took for calls whose debit went to the journal (ADR 0033). Only the row of the
 * reservation knows what that was, so it is done when the debit is replayed: in the window of the estimate if
 * that is still there.
 */
@Injectable()
export class JournaledSettles implements OnModuleInit {
  constructor(
    private readonly journal: JournalDriver,
    private readonly limits: LimitTakes,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.journal.onSettled((debit, takes) => this.correct(debit, takes));
  }

  private correct({ tokens, amountNanos }: Debit, takes: string): void {
    const use = {
      kind: 'settled',
      tokens: usedTokens(tokens),
      amountNanos: countOf(amountNanos),
    } as const;
    this.limits.apply(readTakes(takes), use, this.clock.wallNow());
  }
}
