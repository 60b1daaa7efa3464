/**
 * The periods that a group concerns, each once and in the order in which everybody locks them: by budget,
 * generation and start, text compared byte by byte as PostgreSQL's "C" collation does. A period may be known
 * in several ways, as when its budget's amount was changed a moment ago: each way is a view of it.
 */
import type { PeriodLimit } from './ledger-item.js';
import type { PeriodKey } from './ledger-model.js';
import { periodName } from './period-name.js';

export interface SortedPeriods {
  readonly views: readonly PeriodLimit[];
  readonly periods: readonly PeriodKey[];
  /** For each view: the index of its period. */
  readonly viewPeriods: readonly number[];
  /** For each period: which budget it is of, counted from 1. */
  readonly numbers: readonly number[];
}

export class PeriodTable {
  private readonly views: PeriodLimit[] = [];
  private readonly indexes = new Map<string, number>();
  /** Views that were asked for by the same objects are the same: no name has to be made for them. */
  private last: PeriodLimit | undefined;
  private lastIndex = -1;

  indexOf(limit: PeriodLimit): number {
    if (this.last !== undefined && isSame(limit, this.last)) return this.lastIndex;
    const name = viewName(limit);
    let index = this.indexes.get(name);
    if (index === undefined) {
      index = this.views.push(limit) - 1;
      this.indexes.set(name, index);
    }
    this.last = limit;
    this.lastIndex = index;
    return index;
  }

  sorted(): SortedPeriods {
    const byName = new Map(this.views.map(({ key }) => [periodName(key), key]));
    const periods = [...byName.values()].sort(inLockOrder);
    const indexOf = new Map(periods.map((key, i) => [periodName(key), i]));
    const viewPeriods = this.views.map(({ key }) => indexOf.get(periodName(key)) ?? -1);
    const numbers: number[] = [];
    for (const [i, { budgetId }] of periods.entries()) {
      const before = numbers[i - 1] ?? 0;
      numbers.push(periods[i - 1]?.budgetId === budgetId ? before : before + 1);
    }
    return { views: this.views, periods, viewPeriods, numbers };
  }
}

const isSame = (a: PeriodLimit, b: PeriodLimit): boolean =>
  a.key.budgetId === b.key.budgetId &&
  a.key.generation === b.key.generation &&
  a.key.period.start === b.key.period.start &&
  a.limitNanos === b.limitNanos &&
  a.isEnforced === b.isEnforced &&
  a.thresholdPercents === b.thresholdPercents;

const viewName = ({ key, limitNanos, isEnforced, thresholdPercents }: PeriodLimit): string =>
  `${periodName(key)} ${limitNanos} ${isEnforced} ${thresholdPercents.join()}`;

const inLockOrder = (a: PeriodKey, b: PeriodKey): number =>
  byBytes(a.budgetId, b.budgetId) || a.generation - b.generation || a.period.start - b.period.start;

/** By code points, which is the order of their bytes in UTF-8; UTF-16's own order differs past U+FFFF. */
export function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a.charCodeAt(i) === b.charCodeAt(i)) continue;
    return rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
  }
  return a.length - b.length;
}

/** Surrogates stand for what comes after everything else. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
