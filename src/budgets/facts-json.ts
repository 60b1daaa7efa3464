import { wallMs } from '../common/time.js';
import type { BudgetLevel } from './core/ledger-item.js';
import type { DebitFacts } from './core/ledger-model.js';

/** The facts of a debit as the ledger's functions return them: 64-bit amounts are text. */
export interface FactsJson {
  readonly id: string;
  readonly amountNanos: string;
  readonly priceId: string;
  readonly priceRevision: number;
  readonly recordedAtMs: number;
  readonly postedTo: readonly {
    readonly budgetId: string;
    readonly generation: number;
    readonly startMs: number;
    readonly endMs: number;
    readonly postedNanos: string;
    readonly heldNanos: string;
    readonly extraNanos?: string;
  }[];
}

/** What was recorded, and what its periods hold by now. */
export function readFacts(json: FactsJson): {
  facts: DebitFacts;
  balances: readonly BudgetLevel[];
} {
  const balances = readPeriods(json.postedTo);
  const facts = {
    id: json.id,
    amountNanos: BigInt(json.amountNanos),
    priceId: json.priceId,
    priceRevision: json.priceRevision,
    recordedAt: wallMs(json.recordedAtMs),
    postedTo: balances.map((balance) => balance.key),
  };
  return { facts, balances };
}

export function readPeriods(periods: FactsJson['postedTo']): readonly BudgetLevel[] {
  return periods.map((period) => ({
    key: {
      budgetId: period.budgetId,
      generation: period.generation,
      period: { start: wallMs(period.startMs), end: wallMs(period.endMs) },
    },
    postedNanos: BigInt(period.postedNanos),
    heldNanos: BigInt(period.heldNanos),
    extraNanos: BigInt(period.extraNanos ?? 0),
  }));
}
