/**
 * What a period hands on to the next: `min(max, max(min, ending))`, and of a negative ending, if the rule
 * says so, the debt. It is fixed when the next period's row is made; whatever changes the earlier period
 * afterwards posts the difference to the later one, as an entry that is nobody's spend (ADR 0020).
 *
 * An ending is what is left of the amount and of what was carried in, with open holds counted as spent,
 * so that nothing is handed on that may be spent already. What grants added covers what was overspent,
 * and is not handed on itself.
 *
 * Invariant: for a constant rule, what a period was handed, less its corrections, is what the one before
 * it hands on now.
 */
import type { Balance, PeriodKey } from './ledger-model.js';

export interface CarryRule {
  /** What each period holds. */
  readonly amountNanos: bigint;
  readonly minNanos: bigint;
  readonly maxNanos: bigint;
  readonly overage: boolean;
  /** How long a period is in the mean, to count those that have no row. */
  readonly periodMs: number;
}

const DEBT_NANOS_MAX = 2n ** 63n - 1n;

/** What comes out of `ending` after `emptyPeriods` in which nothing was spent. */
export function carriedOver(ending: bigint, emptyPeriods: bigint, rule: CarryRule): bigint {
  const { amountNanos, minNanos, maxNanos, overage } = rule;
  let carried = least(maxNanos, most(minNanos, ending)) + (overage ? least(ending, 0n) : 0n);
  let rest = emptyPeriods;
  if (rest > 0n && amountNanos + carried < 0n) {
    const shrinks = amountNanos + minNanos;
    const needed = shrinks > 0n ? (-(amountNanos + carried) + shrinks - 1n) / shrinks : rest;
    const steps = least(rest, needed);
    carried += steps * shrinks;
    rest -= steps;
  }
  if (rest > 0n) {
    const grown = most(minNanos + (rest - 1n) * amountNanos, carried + rest * amountNanos);
    carried = least(maxNanos, grown);
  }
  return most(carried, -DEBT_NANOS_MAX);
}

interface Row {
  readonly key: PeriodKey;
  carriedInNanos: bigint;
}

export interface Correction {
  readonly key: PeriodKey;
  /** What to post: negative if more is handed on than before. */
  readonly nanos: bigint;
}

/** What the book looks up in the rest of the ledger. */
export interface CarrySources {
  balance(key: PeriodKey): Balance;
  /** The sum of the grants that reach into the period. */
  grantedIn(key: PeriodKey): bigint;
}

/** The rows of budgets that carry over. A group opens its periods, decides, and then corrects. */
export class CarryBook {
  private readonly rules = new Map<string, CarryRule>();
  private readonly chains = new Map<string, Row[]>();
  private readonly handed = new Map<Row, bigint>();

  constructor(private readonly sources: CarrySources) {}

  declare(budgetId: string, rule: CarryRule): void {
    this.rules.set(budgetId, rule);
  }

  carriedIn(key: PeriodKey): bigint {
    return this.chain(key).find((row) => isSame(row.key, key))?.carriedInNanos ?? 0n;
  }

  open(keys: readonly PeriodKey[]): void {
    const fresh = new Set<Row>();
    for (const key of keys) {
      const chain = this.chain(key);
      if (!this.rules.has(key.budgetId) || chain.some((row) => isSame(row.key, key))) continue;
      const row: Row = { key, carriedInNanos: 0n };
      fresh.add(row);
      chain.push(row);
      chain.sort((a, b) => a.key.period.start - b.key.period.start);
    }
    this.handed.clear();
    for (const chain of this.chains.values()) {
      chain.forEach((row, i) => this.receive(row, chain.slice(Math.max(0, i - 2), i), fresh));
    }
  }

  private receive(row: Row, before: readonly Row[], fresh: ReadonlySet<Row>): void {
    const previous = before.at(-1);
    if (previous === undefined) return;
    let handed = this.handsOn(previous, row);
    if (fresh.has(row)) row.carriedInNanos = handed;
    // Nothing was before this row when it was made, so it was handed nothing.
    else if (fresh.has(previous) && before.length === 1) handed = 0n;
    this.handed.set(row, handed);
  }

  /** One correction for each period that is handed something else than when the group began. */
  correct(post: (correction: Correction) => void): void {
    for (const chain of this.chains.values()) {
      chain.forEach((row, i) => {
        const previous = chain[i - 1];
        if (previous === undefined) return;
        const difference = this.handsOn(previous, row) - (this.handed.get(row) ?? 0n);
        if (difference !== 0n) post({ key: row.key, nanos: -difference });
      });
    }
  }

  private handsOn({ key, carriedInNanos }: Row, to: Row): bigint {
    const rule = this.rules.get(key.budgetId);
    if (rule === undefined) return 0n;
    const { postedNanos, heldNanos } = this.sources.balance(key);
    const left = rule.amountNanos + carriedInNanos - postedNanos - heldNanos;
    const ending = left < 0n ? least(0n, left + this.sources.grantedIn(key)) : left;
    const gapMs = to.key.period.start - key.period.end;
    return carriedOver(ending, BigInt(Math.round(gapMs / rule.periodMs)), rule);
  }

  private chain({ budgetId, generation }: PeriodKey): Row[] {
    const name = JSON.stringify([budgetId, generation]);
    const known = this.chains.get(name) ?? [];
    this.chains.set(name, known);
    return known;
  }
}

const isSame = (a: PeriodKey, b: PeriodKey): boolean => a.period.start === b.period.start;
const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const most = (a: bigint, b: bigint): bigint => (a > b ? a : b);
