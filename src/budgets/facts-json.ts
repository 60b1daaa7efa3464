import { wallMs } from '../common/time.js';
import type { BudgetLevel, Crossing } from './core/ledger-item.js';
import type { DebitFacts, PeriodKey } from './core/ledger-model.js';

/** The facts of a debit as the ledger's functions return them: 64-bit amounts are text. */
export interface FactsJson {
  readonly id: string;
  readonly amountNanos: string;
  readonly priceId: string;
  readonly priceRevision: number;
  readonly recordedAtMs: number;
  readonly postedTo: readonly LevelJson[];
  readonly crossed: readonly CrossingJson[];
}

export interface PeriodJson {
  readonly budgetId: string;
  readonly generation: number;
  readonly startMs: number;
  readonly endMs: number;
}

export interface CrossingJson {
  readonly budgetId: string;
  readonly percent: number;
}

interface LevelJson extends PeriodJson {
  readonly postedNanos: string;
  readonly heldNanos: string;
  readonly extraNanos: string;
}

/** What was recorded and crossed, and what its periods hold by now. */
export function readFacts(json: FactsJson): {
  facts: DebitFacts;
  balances: readonly BudgetLevel[];
  crossed: readonly Crossing[];
} {
  const balances = json.postedTo.map(readLevel);
  const facts = {
    id: json.id,
    amountNanos: BigInt(json.amountNanos),
    priceId: json.priceId,
    priceRevision: json.priceRevision,
    recordedAt: wallMs(json.recordedAtMs),
    postedTo: balances.map((balance) => balance.key),
  };
  return { facts, balances, crossed: json.crossed.map(readCrossing) };
}

export const readCrossing = ({ budgetId, percent }: CrossingJson): Crossing => ({
  budgetId,
  percent,
});

export const readPeriod = ({ budgetId, generation, startMs, endMs }: PeriodJson): PeriodKey => ({
  budgetId,
  generation,
  period: { start: wallMs(startMs), end: wallMs(endMs) },
});

const readLevel = (level: LevelJson): BudgetLevel => ({
  key: readPeriod(level),
  postedNanos: BigInt(level.postedNanos),
  heldNanos: BigInt(level.heldNanos),
  extraNanos: BigInt(level.extraNanos),
});
