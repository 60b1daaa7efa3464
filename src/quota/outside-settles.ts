import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BudgetsService } from '../budgets/budgets.service.js';
import type { PostDebit, ReservationFacts } from '../budgets/core/ledger-item.js';
import type { Debit } from '../budgets/core/ledger-model.js';
import type { JournaledSettle } from '../budgets/journal/journaled-settle.js';
import { countOf } from './core/counts.js';
import { readTakes } from './core/takes.js';
import { usedTokens } from './counted-call.js';
import { LimitTakes } from './limit-takes.js';
import { QuotaPorts } from './quota-ports.js';
import { RoamingReservations, type Settled } from './roaming-reservations.js';

/**
 * Corrects what limits took for calls that end outside of a call of their gateway: whose debit went to the
 * journal, or whose hold an operator has ended.
 *
 * A journaled debit is corrected at once if the replica that made the reservation has its copy (ADR 0046), and
 * else when it is replayed, since only the reservation's row knows then: in the window of the estimate if
 * that is still there. A hold that ends by its time gives back nothing: places end by themselves, and
 * what else was counted stays.
 */
@Injectable()
export class OutsideSettles implements OnModuleInit {
  constructor(
    private readonly budgets: BudgetsService,
    private readonly limits: LimitTakes,
    private readonly reservations: RoamingReservations,
    private readonly ports: QuotaPorts,
  ) {}

  onModuleInit(): void {
    this.budgets.tellLimits({
      journaling: (item) => this.begin(item),
      replayed: (debit, takes) => this.correct(debit, takes),
      forceReleased: (ended) => this.giveBack(ended),
      forceRelease: (id) => this.reservations.forceRelease(id),
    });
  }

  private async begin({ debit, reservation }: PostDebit): Promise<JournaledSettle | undefined> {
    if (reservation === undefined) return undefined;
    const whose = { scope: debit.scope, name: reservation };
    const settling = await this.reservations.settleCopy(whose, debit.idempotencyKey);
    return settling && { ...settling, finish: () => settling.finish(useOf(debit)) };
  }

  private correct(debit: Debit, takes: string): void {
    void this.limits.apply(readTakes(takes), useOf(debit), this.ports.clock.wallNow());
  }

  private giveBack({ id, scope, takes }: ReservationFacts): void {
    const use = { kind: 'released', refund: false } as const;
    this.reservations.correct({ scope, name: { kind: 'id', id } }, takes, use);
  }
}

const useOf = ({ tokens, amountNanos }: Debit): Settled => ({
  kind: 'settled',
  tokens: usedTokens(tokens),
  amountNanos: countOf(amountNanos),
});
