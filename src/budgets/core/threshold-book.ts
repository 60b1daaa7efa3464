import type { BudgetLevel, Crossing, PeriodLimit } from './ledger-item.js';
import { periodName } from './period-name.js';

/**
 * Which thresholds were crossed, each once for a budget and period. A threshold is a share of the limit with
 * grants and what was carried over, and is crossed by money that was posted. What an expiry or a correction
 * posts is noticed with the next debit, since those know of no limit.
 */
export class ThresholdBook {
  private readonly highest = new Map<string, number>();

  /** What a debit has crossed that left the period at this level. */
  cross(level: BudgetLevel, watched: readonly PeriodLimit[]): readonly Crossing[] {
    const { budgetId } = level.key;
    const limit = watched.find(({ key }) => key.budgetId === budgetId);
    const bound = (limit?.limitNanos ?? 0n) + level.extraNanos;
    if (limit === undefined || bound <= 0n) return [];
    const name = periodName(level.key);
    return limit.thresholdPercents.flatMap((percent) => {
      const isReached = level.postedNanos * 100n >= bound * BigInt(percent);
      if (!isReached || percent <= (this.highest.get(name) ?? 0)) return [];
      this.highest.set(name, percent);
      return [{ budgetId, percent }];
    });
  }
}
